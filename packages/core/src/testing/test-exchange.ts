import { exchangeAttribute, type ExchangeFacts } from '../stream/attributes.js';
import { HeaderList } from '../stream/header-list.js';
import { HttpStream } from '../stream/http-stream.js';
import type { StreamEnds, StreamPlugin } from '../stream/ports.js';
import type { HeaderMap, PropertyValue } from '../vm/context.js';
import {
  toBytes,
  toEntries,
  toFlat,
  type ExchangeMessage,
  type ExchangeRequest,
  type ExchangeResponse,
} from './messages.js';

const DEFAULT_BUFFERED_BYTES = 1024 * 1024;
const NS_PER_MS = 1e6;

/** Answers in the place of an app, once the whole request is there. */
export type TestApp = (request: ExchangeMessage) => ExchangeResponse | Promise<ExchangeResponse>;

/** How an exchange has ended. */
export interface ExchangeResult {
  /** 'reset': the connection to the client was cut. */
  readonly outcome: 'answered' | 'reset';
  /** What the app got; undefined: nothing, since a filter has answered in its place. */
  readonly request: ExchangeMessage | undefined;
  /** What the client got; before a reset: undefined, or the part that was sent. */
  readonly response: ExchangeMessage | undefined;
  /**
   * Who has answered, and why: Envoy's response code details. `via_upstream`: the app; else what a
   * filter has given with its local response, or the host's reason.
   */
  readonly details: string;
}

/** One exchange between a client and an app that are not there, with filters between them. */
export class TestExchange implements StreamEnds {
  /** Settled once every callback of the stream has run; rejects with what the app throws. */
  readonly result: Promise<ExchangeResult>;
  readonly #given: ExchangeRequest;
  readonly #app: TestApp;
  readonly #stream: HttpStream;
  readonly #requestHeaders: HeaderList;
  readonly #requestBody: Uint8Array[] = [];
  readonly #responseBody: Uint8Array[] = [];
  readonly #startMs = performance.timeOrigin + performance.now();
  #requestTrailers: HeaderMap | undefined;
  #responseHeaders = new HeaderList();
  #responseTrailers: HeaderMap | undefined;
  #requestPassed = false;
  #isOver = false;
  #settle: (result: ExchangeResult) => void = () => undefined;
  #reject: (error: unknown) => void = () => undefined;
  responseStarted = false;

  constructor(request: ExchangeRequest, app: TestApp) {
    this.#given = request;
    this.#app = app;
    this.#requestHeaders = requestHeaders(request);
    this.#stream = new HttpStream(this, this.#requestHeaders, {
      bufferedBodyBytes: DEFAULT_BUFFERED_BYTES,
    });
    this.result = new Promise((resolve, reject) => {
      this.#settle = resolve;
      this.#reject = reject;
    });
  }

  start(plugins: readonly StreamPlugin[]): void {
    const body = toBytes(this.#given.body);
    const trailers = toFlat(this.#given.trailers);
    const hasTrailers = trailers.length > 0;
    this.#stream.join(plugins, body.length === 0 && !hasTrailers);
    if (body.length > 0) this.#stream.requestData(body, !hasTrailers);
    if (hasTrailers) this.#stream.requestTrailers(new HeaderList(trailers));
  }

  /** Ends it, whatever it still waits for. */
  end(reason: unknown): void {
    this.#isOver = true;
    this.#stream.complete();
    this.#reject(reason);
  }

  // --- the app ----------------------------------------------------------------------------------

  requestHeaders(endOfStream: boolean): void {
    this.#requestPassed = true;
    if (endOfStream) this.#answer();
  }

  requestData(chunk: Uint8Array, endOfStream: boolean): void {
    this.#requestBody.push(chunk);
    if (endOfStream) this.#answer();
  }

  requestTrailers(trailers: HeaderMap): void {
    this.#requestTrailers = trailers;
    this.#answer();
  }

  /** In a turn of its own, as an app would. */
  #answer(): void {
    queueMicrotask(() => {
      this.#askApp().catch((error: unknown) => {
        if (!this.#isOver) this.end(error);
      });
    });
  }

  async #askApp(): Promise<void> {
    const response = await this.#app(this.#requestMessage());
    if (this.#isOver) return;
    const { status = 200, headers, body, trailers } = response;
    const bytes = toBytes(body);
    const last = toFlat(trailers);
    const hasTrailers = last.length > 0;
    this.#responseHeaders = new HeaderList([':status', String(status), ...toFlat(headers)]);
    this.#stream.responseHeaders(this.#responseHeaders, bytes.length === 0 && !hasTrailers);
    if (bytes.length > 0) this.#stream.responseData(bytes, !hasTrailers);
    if (hasTrailers) this.#stream.responseTrailers(new HeaderList(last));
  }

  // --- the client -------------------------------------------------------------------------------

  responseHeaders(endOfStream: boolean): void {
    this.responseStarted = true;
    if (endOfStream) this.#finish('answered');
  }

  responseData(chunk: Uint8Array, endOfStream: boolean): void {
    this.#responseBody.push(chunk);
    if (endOfStream) this.#finish('answered');
  }

  responseTrailers(trailers: HeaderMap): void {
    this.#responseTrailers = trailers;
    this.#finish('answered');
  }

  beginLocalResponse(keepHeaders: boolean): HeaderMap {
    this.#responseHeaders = new HeaderList(keepHeaders ? [...this.#responseHeaders.entries()] : []);
    this.#responseBody.length = 0;
    return this.#responseHeaders;
  }

  reset(): void {
    this.#finish('reset');
  }

  pauseRequest(): void {
    // There is no more than what has been given.
  }

  resumeRequest(): void {
    // As above.
  }

  pauseResponse(): void {
    // As above.
  }

  resumeResponse(): void {
    // As above.
  }

  /** After the callbacks that are on the stack. */
  #finish(outcome: ExchangeResult['outcome']): void {
    if (this.#isOver) return;
    this.#isOver = true;
    queueMicrotask(() => {
      this.#stream.complete();
      this.#settle({
        outcome,
        request: this.#requestPassed ? this.#requestMessage() : undefined,
        response: this.responseStarted ? this.#responseMessage() : undefined,
        details: this.#stream.responseDetails,
      });
    });
  }

  // --- what is told -----------------------------------------------------------------------------

  #requestMessage(): ExchangeMessage {
    const body = Buffer.concat(this.#requestBody);
    return {
      headers: withTrueLength(toEntries(this.#requestHeaders), body),
      body,
      trailers: toEntries(this.#requestTrailers),
    };
  }

  #responseMessage(): ExchangeMessage {
    const { method = 'GET' } = this.#given;
    const headers = toEntries(this.#responseHeaders);
    const trailers = toEntries(this.#responseTrailers);
    const hasNoBody = method === 'HEAD' || this.#responseHeaders.get(':status') === '304';
    if (hasNoBody) return { headers, body: Buffer.alloc(0), trailers };
    const body = Buffer.concat(this.#responseBody);
    return { headers: withTrueLength(headers, body), body, trailers };
  }

  attribute(path: readonly string[]): PropertyValue | undefined {
    const facts: ExchangeFacts = {
      requestHeaders: this.#requestHeaders,
      responseHeaders: this.responseStarted ? this.#responseHeaders : undefined,
      responseTrailers: this.#responseTrailers,
      protocol: 'HTTP/1.1',
      startTimeNs: BigInt(Math.round(this.#startMs * NS_PER_MS)),
      durationNs: this.#stream.completed ? this.#durationNs() : undefined,
      backendLatencyNs: undefined,
      requestBodyBytes: toBytes(this.#given.body).length,
      responseBodyBytes: this.#responseBody.reduce((sum, { length }) => sum + length, 0),
      responseCodeDetails: this.#stream.responseDetails,
      responseFlags: undefined,
    };
    return exchangeAttribute(facts, path);
  }

  #durationNs(): bigint {
    const nowMs = performance.timeOrigin + performance.now();
    return BigInt(Math.round((nowMs - this.#startMs) * NS_PER_MS));
  }
}

function requestHeaders({
  method = 'GET',
  path = '/',
  scheme = 'http',
  headers,
  body,
  trailers,
}: ExchangeRequest): HeaderList {
  const given = toFlat(headers);
  const names = new Set(given.filter((_, index) => index % 2 === 0));
  const bytes = toBytes(body);
  const needsLength =
    bytes.length > 0 &&
    toFlat(trailers).length === 0 &&
    !names.has('content-length') &&
    !names.has('transfer-encoding');
  const length = needsLength ? ['content-length', String(bytes.length)] : [];
  return new HeaderList(
    [...(names.has('host') ? [] : ['host', 'localhost']), ...given, ...length],
    [':path', path, ':method', method, ':scheme', scheme],
  );
}

/** A length that a filter's changes have made wrong is corrected on the way, as servers here do. */
function withTrueLength(headers: [string, string][], body: Buffer): [string, string][] {
  return headers.map(([name, value]) =>
    name === 'content-length' ? [name, String(body.length)] : [name, value],
  );
}
