import {
  Agent as HttpAgent,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { Socket } from 'node:net';

import type { HttpCallRequest } from '../abi/http-call.js';
import type { HttpCall } from './http-call.js';
import { hostnameOf, type ResolvedUpstream } from './upstream-options.js';

/** For what undici has no way to send: request trailers, and `OPTIONS *`. HTTP/1.1 only. */
export class NodeTransport {
  readonly #upstream: ResolvedUpstream;
  #agent: HttpAgent | undefined;

  constructor(upstream: ResolvedUpstream) {
    this.#upstream = upstream;
  }

  /** Whether a request must go this way. */
  static isFor({ path, trailers }: HttpCallRequest): boolean {
    return trailers.length > 0 || !path.startsWith('/');
  }

  send(call: HttpCall): void {
    const { body, trailers } = call.request;
    try {
      const req = this.#open(call);
      call.onAbort = () => {
        req.destroy();
      };
      new Listeners(call, req, this.#upstream);
      if (trailers.length > 0) req.addTrailers(toPairs(trailers));
      req.end(body);
    } catch (error) {
      call.fail(error);
    }
  }

  close(): void {
    this.#agent?.destroy();
  }

  #open({ request }: HttpCall): ClientRequest {
    const { url, tls, connections } = this.#upstream;
    const secure = url.protocol === 'https:';
    const Agent = secure ? HttpsAgent : HttpAgent;
    this.#agent ??= new Agent({ keepAlive: true, maxSockets: connections });
    const options = {
      agent: this.#agent,
      hostname: hostnameOf(url),
      port: url.port === '' ? undefined : url.port,
      method: request.method,
      path: request.path,
      headers: toRawHeaders(request),
    };
    // A list of name, value, … is sent as it is; the type of older Nodes does not know it.
    if (!secure) return httpRequest(options as object);
    // The name to check is the upstream's, whatever authority a guest asks for.
    return httpsRequest({
      ...tls,
      servername: tls.servername ?? nameOf(url),
      ...options,
    } as object);
  }
}

/** '' for an address, which is no server name. */
function nameOf(url: URL): string {
  return /^[\d.]+$|:/.test(hostnameOf(url)) ? '' : url.hostname;
}

function toRawHeaders({ authority, headers, body, trailers }: HttpCallRequest): string[] {
  const raw = ['host', authority, ...headers];
  if (trailers.length === 0) {
    return body.length === 0 ? raw : [...raw, 'content-length', String(body.length)];
  }
  const names = trailers.filter((_, index) => index % 2 === 0);
  return [...raw, 'trailer', names.join(', '), 'transfer-encoding', 'chunked'];
}

function toPairs(entries: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < entries.length; index += 2) {
    pairs.push([entries[index] as string, entries[index + 1] as string]);
  }
  return pairs;
}

/** Hands what Node reports to the call, and ends phases that take too long. */
class Listeners {
  readonly #req: ClientRequest;
  #timer: NodeJS.Timeout | undefined;

  constructor(call: HttpCall, req: ClientRequest, upstream: ResolvedUpstream) {
    this.#req = req;
    const { url, connectTimeoutMs, headersTimeoutMs, bodyTimeoutMs } = upstream;
    const ready = url.protocol === 'https:' ? 'secureConnect' : 'connect';
    const connected = (): void => {
      this.#limit(headersTimeoutMs, 'UND_ERR_HEADERS_TIMEOUT', 'headers timeout');
    };
    // Not before: a call that waits for another's connection does not connect.
    req.once('socket', (socket: Socket) => {
      if (!socket.connecting) return connected();
      this.#limit(connectTimeoutMs, 'UND_ERR_CONNECT_TIMEOUT', 'connect timeout');
      socket.once(ready, connected);
    });
    req.once('error', (error) => {
      call.fail(error);
    });
    req.once('close', () => {
      clearTimeout(this.#timer);
      call.fail(new ClosedEarly());
    });
    req.once('response', (response) => {
      const wait = (): void => {
        this.#limit(bodyTimeoutMs, 'UND_ERR_BODY_TIMEOUT', 'body timeout');
      };
      wait();
      response.on('data', wait);
      pass(response, call);
    });
  }

  #limit(delayMs: number, code: string, what: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => {
      const error = new Error(`${what}: nothing within ${String(delayMs)} ms`);
      this.#req.destroy(Object.assign(error, { code }));
    }, delayMs);
  }
}

function pass(response: IncomingMessage, call: HttpCall): void {
  call.head(response.statusCode ?? 0, toEntries(response.rawHeaders));
  response.on('data', (chunk: Buffer) => {
    call.data(chunk);
  });
  response.once('error', (error) => {
    call.fail(error);
  });
  response.once('end', () => {
    call.end(toEntries(response.rawTrailers));
  });
}

function toEntries(raw: readonly string[]): string[] {
  return raw.map((text, index) => (index % 2 === 0 ? text.toLowerCase() : text));
}

class ClosedEarly extends Error {
  readonly code = 'ECONNRESET';
  override readonly message = 'the connection closed before the answer was complete';
}
