import type { IncomingMessage, ServerResponse } from 'node:http';
import { PassThrough, type Readable } from 'node:stream';

import type { Dispatcher } from 'undici';
import { keepShape } from '@proxy-wasm-node/core/node';
import type { ForwardAction, Route } from '@proxy-wasm-node/envoy';

import { failureOf, idleTimeout, REQUEST_TIMEOUT, type Failure } from './failures.js';
import { editHeaders, findName, isHopByHop, removeNamed } from './message-headers.js';
import { answerFailure } from './own-answers.js';
import type { ServedRequest } from './served-request.js';
import type { UpstreamHost } from './upstream-host.js';

/** Node's latin1Slice is on every Buffer; its type declaration is missing. */
type Latin1Buffer = Buffer & { latin1Slice(): string };

/**
 * One request on its way to an upstream, and the answer on its way back. Its methods are undici 7's
 * first ones: the others make an object of all headers, and lose repeats and order.
 */
export class UpstreamExchange implements Dispatcher.DispatchHandler {
  readonly #served: ServedRequest;
  readonly #req: IncomingMessage;
  readonly #res: ServerResponse;
  readonly #route: Route;
  readonly #action: ForwardAction;
  #abort: ((error?: Error) => void) | undefined;
  #body: Readable | null = null;
  #isOver = false;
  /** Bytes of the declared length that are to come; -1: nobody knows. */
  #remaining = -1;
  /** The last piece, which goes out with the end. */
  #last: Buffer | undefined;
  #timer: NodeJS.Timeout | undefined;
  #idleTimer: NodeJS.Timeout | undefined;

  constructor(served: ServedRequest, route: Route, action: ForwardAction) {
    this.#served = served;
    this.#req = served.req;
    this.#res = served.res;
    this.#route = route;
    this.#action = action;
  }

  /** Sends the request. Never throws. */
  send(host: UpstreamHost, idleTimeoutMs: number): void {
    const req = this.#req;
    const headers = this.#requestHeaders(host);
    this.#res.on('close', this.#closed);
    const hasBody = this.#hasBody();
    if (this.#needsIdleTimer(idleTimeoutMs, hasBody)) {
      this.#idleTimer = setTimeout(this.#idle, idleTimeoutMs);
    }
    if (hasBody) this.#openBody();
    else this.#limit();
    this.#served.sentMs = performance.now();
    const { method = 'GET', url = '/' } = req;
    try {
      host.pool.dispatch(
        {
          method: method,
          path: this.#pathOf(url),
          headers,
          body: this.#body,
        },
        this,
      );
    } catch (error) {
      this.onError(error as Error);
    }
  }

  // --- the request ------------------------------------------------------------------------------

  #requestHeaders(host: UpstreamHost): string[] {
    const { rawHeaders } = this.#req;
    const headers: string[] = [];
    let connection: string | undefined;
    for (let index = 0; index < rawHeaders.length; index += 2) {
      const name = rawHeaders[index] as string;
      const value = rawHeaders[index + 1] as string;
      if (!isHopByHop(name)) headers.push(name, value);
      else if (name.length === CONNECTION_LENGTH && name.toLowerCase() === 'connection') {
        connection = value;
      }
    }
    if (connection !== undefined && !isPlain(connection)) removeNamed(headers, connection);
    const { hostRewriteLiteral, autoHostRewrite } = this.#action;
    const authority = hostRewriteLiteral ?? (autoHostRewrite ? host.hostname : undefined);
    if (authority !== undefined) setHost(headers, authority);
    editHeaders(headers, this.#route.requestHeaders);
    return headers;
  }

  #pathOf(url: string): string {
    const { prefixRewrite } = this.#action;
    if (prefixRewrite === undefined) return url;
    return prefixRewrite + url.slice(this.#route.match.text.length);
  }

  #hasBody(): boolean {
    const { rawHeaders } = this.#req;
    const at = findName(rawHeaders, 'content-length');
    if (at >= 0) return rawHeaders[at + 1] !== '0';
    return findName(rawHeaders, 'transfer-encoding') >= 0;
  }

  /** Not the request itself: undici destroys what it was given, and with it would go the client. */
  #openBody(): void {
    const req = this.#req;
    const body = new PassThrough();
    this.#body = body;
    body.on('error', () => undefined);
    req.once('end', () => {
      this.#limit();
    });
    if (this.#idleTimer !== undefined) req.on('data', this.#refreshIdle);
    req.pipe(body);
  }

  // --- undici -----------------------------------------------------------------------------------

  onConnect(abort: (error?: Error) => void): void {
    if (this.#isOver) abort();
    else this.#abort = abort;
  }

  onHeaders(status: number, raw: Buffer[], resume: () => void, text: string): boolean {
    // 1xx: the client has been told what it needs to know.
    if (status < FIRST_FINAL_STATUS) return true;
    const headers: string[] = [];
    for (let index = 0; index < raw.length; index += 2) {
      const name = (raw[index] as Latin1Buffer).latin1Slice();
      if (isHopByHop(name)) continue;
      const value = (raw[index + 1] as Latin1Buffer).latin1Slice();
      headers.push(name, value);
      if (name.length === CONTENT_LENGTH && name.toLowerCase() === 'content-length') {
        this.#remaining = Number(value);
      }
    }
    editHeaders(headers, this.#route.responseHeaders);
    const res = this.#res;
    // Waits for nothing: 'drain' comes only after a write that was too much.
    res.on('drain', resume);
    if (text === '') res.writeHead(status, headers);
    else res.writeHead(status, text, headers);
    this.#refreshIdle();
    return true;
  }

  onData(chunk: Buffer): boolean {
    this.#refreshIdle();
    this.#remaining -= chunk.length;
    if (this.#remaining === 0) {
      this.#last = chunk;
      return true;
    }
    return this.#res.write(chunk);
  }

  onComplete(trailers: unknown): void {
    this.#served.answeredMs = performance.now();
    this.#finish();
    const res = this.#res;
    const list = trailersOf(trailers as Buffer[] | Record<string, string | string[]> | null);
    if (list.length > 0) res.addTrailers(list);
    if (this.#last === undefined) res.end();
    else res.end(this.#last);
  }

  onError(error: Error): void {
    if (!this.#isOver) this.#fail(failureOf(error));
  }

  // --- the end ----------------------------------------------------------------------------------

  /** Where the whole answer has to be there sooner, nothing else needs to be looked at. */
  #needsIdleTimer(idleTimeoutMs: number, hasBody: boolean): boolean {
    const { timeoutMs } = this.#action;
    if (idleTimeoutMs === 0) return false;
    return hasBody || timeoutMs === 0 || idleTimeoutMs < timeoutMs;
  }

  /** The route's timeout runs from the end of the request on. */
  #limit(): void {
    const { timeoutMs } = this.#action;
    if (timeoutMs > 0 && !this.#isOver) this.#timer = setTimeout(this.#timeout, timeoutMs);
  }

  readonly #timeout = (): void => {
    this.#fail(REQUEST_TIMEOUT);
  };

  readonly #idle = (): void => {
    this.#fail(idleTimeout(this.#req.complete));
  };

  readonly #refreshIdle = (): void => {
    this.#idleTimer?.refresh();
  };

  readonly #closed = (): void => {
    if (!this.#isOver) this.#cancel();
  };

  #fail(failure: Failure): void {
    this.#served.failure = failure;
    this.#cancel();
    const res = this.#res;
    if (res.headersSent) res.destroy();
    else answerFailure(res, failure);
  }

  #cancel(): void {
    this.#finish();
    this.#abort?.();
    if (this.#body === null) return;
    this.#req.unpipe();
    this.#req.resume();
    this.#body.destroy();
  }

  #finish(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#idleTimer);
  }
}

keepShape(new UpstreamExchange({} as ServedRequest, undefined as never, undefined as never));

const FIRST_FINAL_STATUS = 200;
const CONNECTION_LENGTH = 'connection'.length;
const CONTENT_LENGTH = 'content-length'.length;

/** Names no other header. */
function isPlain(connection: string): boolean {
  return connection === 'keep-alive' || connection === 'close' || connection === 'Keep-Alive';
}

function setHost(headers: string[], authority: string): void {
  const at = findName(headers, 'host');
  if (at >= 0) headers[at + 1] = authority;
  else headers.push('host', authority);
}

/** undici gives names and values as buffers; those of HTTP/2 as an object. */
function trailersOf(raw: Buffer[] | Record<string, string | string[]> | null): [string, string][] {
  if (raw === null) return [];
  const pairs: [string, string][] = [];
  if (!Array.isArray(raw)) {
    for (const [name, value] of Object.entries(raw)) {
      for (const each of [value].flat()) pairs.push([name, each]);
    }
    return pairs;
  }
  for (let index = 0; index + 1 < raw.length; index += 2) {
    const name = (raw[index] as Latin1Buffer).latin1Slice();
    pairs.push([name, (raw[index + 1] as Latin1Buffer).latin1Slice()]);
  }
  return pairs;
}
