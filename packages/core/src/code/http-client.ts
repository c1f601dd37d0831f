/** GET requests for code: bounded in size, time, attempts and redirects. */
import { Agent, request, type Dispatcher } from 'undici';

import { ProxyWasmError } from '../errors.js';
import { Attempts } from './attempts.js';
import { showUrl } from './remote-url.js';
import { fetchError, reasonOf, redirectError, tooLargeError } from './source-errors.js';
import type { SourceSettings } from './source-settings.js';

export interface HttpQuestion {
  readonly url: URL;
  /** What is fetched, in messages: `the manifest of oci://…`. */
  readonly what: string;
  /** Not sent to where the server redirects, unless that is itself. */
  readonly headers: Readonly<Record<string, string>>;
  /** A body makes it a POST. */
  readonly body?: string | undefined;
  /** Of a body that comes with status 200. */
  readonly maxBytes: number;
  /** Default true; false: a redirect is an answer. */
  readonly follow?: boolean;
  /** Asked of neither the source nor its registry, so `tls` is not about it, but for `ca`. */
  readonly isElsewhere?: boolean;
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
  /** With a status other than 200: its beginning. */
  readonly body: Buffer;
  /** Where the server redirected to, as it may be shown. */
  readonly redirects: readonly string[];
  readonly attempts: number;
}

const REDIRECTS = new Set([301, 302, 303, 307, 308]);
const MAX_REDIRECTS = 5;
/** Of an answer that is an error. */
const MAX_ERROR_BYTES = 16 * 1024;

type Response = Dispatcher.ResponseData;

/** Connections for the fetching of one module; {@link close} it. */
export class HttpClient {
  readonly #settings: SourceSettings;
  readonly #own: Agent;
  /** For where redirects lead: a client's certificate is for the source alone. */
  #others: Agent | undefined;

  constructor(settings: SourceSettings) {
    this.#settings = settings;
    this.#own = createAgent(settings, settings.tls);
  }

  /**
   * Asks, again where that may help, and follows redirects.
   *
   * @returns the answer, whatever its status
   * @throws ProxyWasmError PW_ERR_CODE_FETCH where there is none, _REDIRECT, _TOO_LARGE
   */
  async get(question: HttpQuestion): Promise<HttpAnswer> {
    const attempts = new Attempts(this.#settings);
    for (;;) {
      attempts.count += 1;
      const outcome = await this.#attempt(question, attempts.count);
      const isLast = !(await attempts.another(outcome));
      if (!isLast) continue;
      if ('status' in outcome) return outcome;
      throw this.#noAnswer(question, outcome.error, attempts.count);
    }
  }

  async close(): Promise<void> {
    await Promise.all([this.#own.destroy(), this.#others?.destroy()]);
  }

  /** @throws ProxyWasmError where another attempt would end the same */
  async #attempt(question: HttpQuestion, attempts: number): Promise<HttpAnswer | FailedAttempt> {
    const { timeoutMs } = this.#settings;
    const ending = new AbortController();
    const timer = setTimeout(() => {
      ending.abort(new TooSlowError(timeoutMs));
    }, timeoutMs);
    try {
      return { ...(await this.#follow(question, ending.signal)), attempts };
    } catch (error) {
      if (error instanceof ProxyWasmError) throw error;
      return { error };
    } finally {
      clearTimeout(timer);
    }
  }

  async #follow(
    question: HttpQuestion,
    signal: AbortSignal,
  ): Promise<Omit<HttpAnswer, 'attempts'>> {
    const redirects: string[] = [];
    let { url } = question;
    for (;;) {
      const response = await this.#send(question, url, signal);
      // Who reads it gets its errors; one that comes later, for what is given up, is nobody's.
      response.body.on('error', () => undefined);
      const { statusCode: status, headers } = response;
      const { location } = headers;
      if (!REDIRECTS.has(status) || typeof location !== 'string' || question.follow === false) {
        return { status, headers, body: await readBody(question, response), redirects };
      }
      await response.body.dump({ limit: MAX_ERROR_BYTES, signal });
      url = redirectedTo(question, url, location);
      redirects.push(showUrl(url));
      if (redirects.length > MAX_REDIRECTS) {
        const chain = `more than ${String(MAX_REDIRECTS)} times, last to ${showUrl(url)}`;
        throw redirectError(`${question.what} is redirected ${chain}; give the URL where it is`);
      }
    }
  }

  #send(question: HttpQuestion, url: URL, signal: AbortSignal): Promise<Response> {
    const common = { 'accept-encoding': 'identity', 'user-agent': 'proxy-wasm-node' };
    const isAsked = url.origin === question.url.origin;
    const { accept } = question.headers;
    const options = {
      signal,
      method: question.body === undefined ? 'GET' : 'POST',
      body: question.body ?? null,
      headers: {
        ...common,
        ...(isAsked ? question.headers : accept === undefined ? {} : { accept }),
      },
    } as const;
    if (!isAsked || question.isElsewhere === true) {
      this.#others ??= createAgent(this.#settings, { ca: this.#settings.tls?.ca });
      return request(url, { ...options, dispatcher: this.#others });
    }
    const { origin, tls } = this.#settings;
    return request(origin === undefined ? url : new URL(url.pathname + url.search, origin), {
      ...options,
      headers: { ...options.headers, host: url.host },
      dispatcher: this.#own,
      ...(tls?.servername === undefined ? {} : { servername: tls.servername }),
    });
  }

  #noAnswer({ what, url }: HttpQuestion, error: unknown, attempts: number): ProxyWasmError {
    const { origin } = this.#settings;
    const from = origin === undefined ? url.host : `${url.host} at ${origin}`;
    const times = attempts === 1 ? '' : ` (${String(attempts)} attempts)`;
    const message = `${what} could not be fetched from ${from}: ${reasonOf(error)}${times}`;
    return fetchError(message + hintFor(error), error);
  }
}

export interface FailedAttempt {
  readonly error: unknown;
}

class TooSlowError extends Error {
  constructor(timeoutMs: number) {
    super(`it did not come whole within ${String(timeoutMs)} ms (codeSource.timeoutMs)`);
  }
}

function createAgent({ timeoutMs }: SourceSettings, tls: object | undefined): Agent {
  return new Agent({ connect: { ...tls, timeout: timeoutMs }, autoSelectFamily: true });
}

/** @throws ProxyWasmError PW_ERR_CODE_REDIRECT */
function redirectedTo({ what }: HttpQuestion, from: URL, location: string): URL {
  if (!URL.canParse(location, from)) {
    throw redirectError(`${what}: ${showUrl(from)} redirects to what is no URL`);
  }
  const to = new URL(location, from);
  to.username = '';
  to.password = '';
  to.hash = '';
  const isSecureStill = to.protocol === 'https:' || from.protocol === 'http:';
  if (/^https?:$/.test(to.protocol) && isSecureStill) return to;
  const why = to.protocol === 'http:' ? 'without TLS' : 'which is no HTTP URL';
  throw redirectError(
    `${what}: ${showUrl(from)} redirects to ${to.protocol}//${to.host}, ${why}; that is not ` +
      'followed, so give a URL that leads to the module by https: all the way',
  );
}

/** @throws ProxyWasmError PW_ERR_CODE_TOO_LARGE, PW_ERR_CODE_FETCH */
async function readBody(question: HttpQuestion, { statusCode, headers, body }: Response) {
  const isError = statusCode !== 200;
  const maxBytes = isError ? MAX_ERROR_BYTES : question.maxBytes;
  const told = Number(headers['content-length'] ?? NaN);
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    if (!isError && told > maxBytes) throw tooLargeError(question.what, told, maxBytes);
    const encoding = headers['content-encoding'] ?? 'identity';
    if (!isError && encoding !== 'identity') {
      throw fetchError(`${question.what} came encoded, though identity was asked for`);
    }
    for await (const chunk of body as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > maxBytes && isError) break;
      if (length > maxBytes) throw tooLargeError(question.what, undefined, maxBytes);
      chunks.push(chunk);
    }
  } finally {
    body.destroy();
  }
  return Buffer.concat(chunks);
}

const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|ALTNAME/;

function hintFor(error: unknown): string {
  const { code } = error as { code?: unknown };
  if (typeof code !== 'string') return '';
  if (CERTIFICATE.test(code)) return '; codeSource.tls says which certificates are trusted';
  return /WRONG_VERSION_NUMBER|PACKET_LENGTH/.test(code) ? '; it does not speak TLS there' : '';
}
