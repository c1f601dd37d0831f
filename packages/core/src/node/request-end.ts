/**
 * The request of an exchange: through the filters to the app. Decides when the app gets it, and
 * keeps what the app is told of the body's length true, whatever filters do to the body.
 */
import { AsyncResource } from 'node:async_hooks';

import { HeaderList } from '../stream/header-list.js';
import type { StreamPlugin } from '../stream/ports.js';
import type { HeaderMap } from '../vm/context.js';
import { refuseConsumedBody } from './consumed-body.js';
import { endCheaply } from './empty-request.js';
import type { Exchange, JoinOptions, Next } from './exchange.js';
import { isPulled, type NodeRequest, type NodeResponse } from './messages.js';
import {
  declaredBodyLength,
  isBodyConsumed,
  isBodyEmpty,
  recallBody,
  UNKNOWN_LENGTH,
  type Recalled,
} from './request-body.js';
import { RequestHeaders } from './request-headers.js';
import { RequestTap } from './request-tap.js';

const NO_BYTES = new Uint8Array(0);
/** A declared length up to this is kept: the app gets the request when the body's end is known. */
const HELD_LENGTH_BYTES = 64 * 1024;
/** How long the app waits for that: a client may want an answer before it sends the rest. */
const HELD_LENGTH_MS = 500;

export class RequestEnd {
  readonly headers: RequestHeaders;
  tap: RequestTap | undefined;
  /** The app (or a handler before it) has been given the request. */
  isApps = false;
  readonly #req: NodeRequest;
  readonly #res: NodeResponse;
  readonly #exchange: Exchange;
  /** Declared length, 0 for no body, or {@link UNKNOWN_LENGTH}. */
  readonly #length: number;
  #options: JoinOptions | undefined;
  #next: Next | undefined;
  /** The app's async context, where `next` has to wait: what resumes it may be another request. */
  #scope: AsyncResource | undefined;
  /** Read ahead before the joining filters, who have yet to see it. */
  #recalled: Recalled | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(req: NodeRequest, res: NodeResponse, exchange: Exchange) {
    this.#req = req;
    this.#res = res;
    this.#exchange = exchange;
    this.headers = new RequestHeaders(req);
    this.#length = declaredBodyLength(req);
    if (this.#length === 0) endCheaply(req);
  }

  join(plugins: readonly StreamPlugin[], options: JoinOptions, next: Next): void {
    const { stream } = this.#exchange;
    this.#next = next;
    this.#options = options;
    this.headers.refresh();
    if (this.#length === 0) {
      stream.join(plugins, true);
    } else {
      const wantBody = plugins.some(seesRequestBody);
      const isEmpty = isBodyEmpty(this.#req);
      if (wantBody && !isEmpty) this.#joinWithBody(plugins, options);
      else stream.join(plugins, isEmpty);
    }
    // While a filter holds the head others may have the response, and chunks may come.
    if (!this.isWaiting) return;
    this.#scope = new AsyncResource('PROXYWASMREQUEST');
    if (this.#length !== 0 && stream.holdsRequestBody) this.#holdBody();
    this.#await();
  }

  /** No filter looks at the body, but one wants it here, or refused if there is too much of it. */
  #holdBody(): void {
    const req = this.#req;
    if (this.tap !== undefined || isBodyConsumed(req) || isBodyEmpty(req)) return;
    this.#recalled = recallBody(req);
    this.tap = new RequestTap(req, this.#exchange.stream, this.#length);
    this.#replay();
  }

  #joinWithBody(plugins: readonly StreamPlugin[], options: JoinOptions): void {
    const req = this.#req;
    const { stream } = this.#exchange;
    if (isBodyConsumed(req)) {
      if (options.allowConsumedBody) stream.join(plugins, true);
      else stream.join(plugins.map(refuseConsumedBody), false);
      return;
    }
    this.#recalled = recallBody(req);
    this.tap ??= new RequestTap(req, stream, this.#length);
    stream.join(plugins, false);
    this.#replay();
  }

  /** The framework of the last filters. */
  get hooks(): JoinOptions | undefined {
    return this.#options;
  }

  /** The function as it has to be called while the app waits. */
  scoped<A extends unknown[], R>(run: (...values: A) => R): (...values: A) => R {
    const scope = this.#scope;
    if (scope === undefined) return run;
    return (...values) => scope.runInAsyncScope(run, undefined, ...values);
  }

  /** What comes after the last filters has yet to get the request. */
  get isWaiting(): boolean {
    return this.#next !== undefined;
  }

  #await(): void {
    const { stream } = this.#exchange;
    if (stream.completed) return;
    if (stream.seesResponse) this.#exchange.tapResponse();
    if (isPulled(this.#req)) this.tap?.startFlow();
  }

  /** What was read ahead goes through the filters that came late. */
  #replay(): void {
    const recalled = this.#recalled;
    if (recalled === undefined) return;
    this.#recalled = undefined;
    const { stream } = this.#exchange;
    const { chunks, ended, trailers } = recalled;
    const endsWithData = ended && trailers.length === 0;
    this.tap?.replayed(
      chunks.reduce((total, { length }) => total + length, 0),
      ended,
    );
    for (const [index, chunk] of chunks.entries()) {
      stream.replayRequestData(chunk, endsWithData && index === chunks.length - 1);
    }
    if (trailers.length > 0) stream.replayRequestTrailers(new HeaderList(trailers));
    else if (ended && chunks.length === 0) stream.replayRequestData(NO_BYTES, true);
  }

  // --- what has passed the filters --------------------------------------------------------------

  passHeaders(endOfStream: boolean): void {
    // Before the app can read what is still in the buffer.
    if (this.#recalled !== undefined) this.#replay();
    if (endOfStream || this.#length === 0 || !this.#holdForLength()) this.#deliver();
  }

  passData(chunk: Uint8Array, endOfStream: boolean): void {
    const { tap } = this;
    if (tap === undefined) return;
    tap.release(chunk, endOfStream);
    if (!tap.holdsApp) return;
    if (endOfStream) this.#deliverWithLength(tap);
    else if (tap.releasedBytes > HELD_LENGTH_BYTES) this.#deliverWithoutLength();
  }

  passTrailers(trailers: HeaderMap): void {
    const { tap } = this;
    if (tap === undefined) return;
    tap.releaseTrailers(trailers);
    if (tap.holdsApp) this.#deliverWithoutLength();
  }

  // --- the body's length ------------------------------------------------------------------------

  /** Settles what the app is told of the length. Answers whether it has to wait for that. */
  #holdForLength(): boolean {
    const { list } = this.headers;
    const { tap } = this;
    const declared = list.get('content-length');
    if (tap === undefined || !this.#exchange.stream.seesRequestBody) {
      if (list.edited) this.#restoreLength(declared);
      return false;
    }
    if (this.#length === UNKNOWN_LENGTH || declared === undefined) {
      this.#restoreLength(declared, false);
      return false;
    }
    if (tap.endReleased) {
      this.#setLength(tap);
      return false;
    }
    if (!this.#mayHold(tap)) {
      this.headers.hideLength();
      return false;
    }
    this.#hold(tap);
    return true;
  }

  #mayHold(tap: RequestTap): boolean {
    if (tap.clientEnded) return true;
    // Such a client sends no body before the app has asked for it.
    const expects = this.headers.list.get('expect') !== undefined;
    return this.#length <= HELD_LENGTH_BYTES && (!expects || this.#hasContinued);
  }

  get #hasContinued(): boolean {
    const { _sent100: isSent } = this.#res as { readonly _sent100?: boolean };
    return isSent === true || this.#exchange.expectation?.isMet === true;
  }

  #hold(tap: RequestTap): void {
    tap.holdsApp = true;
    if (isPulled(this.#req)) tap.startFlow();
    this.#timer = setTimeout(giveUpLength, HELD_LENGTH_MS, this);
    this.#timer.unref();
  }

  /** The client keeps the app waiting; what a filter keeps is the filter's business. */
  giveUpLength(): void {
    if (this.tap?.holdsApp === true && !this.tap.clientEnded) this.#deliverWithoutLength();
  }

  /** A filter that can't change the body may have removed its length, or said a wrong one. */
  #restoreLength(declared: string | undefined, isKept = true): void {
    const { list } = this.headers;
    const known = isKept && this.#length !== UNKNOWN_LENGTH;
    if (declared !== undefined && !known) list.remove('content-length');
    if (declared !== undefined && known) {
      if (declared !== String(this.#length)) list.replace('content-length', String(this.#length));
      return;
    }
    const isHttp1 = this.#req.stream === undefined;
    if (isHttp1 && list.get('transfer-encoding') === undefined) this.headers.hideLength();
  }

  #setLength(tap: RequestTap): void {
    const { list } = this.headers;
    const length = String(tap.releasedBytes);
    if (list.get('content-length') !== length) list.replace('content-length', length);
  }

  #deliverWithLength(tap: RequestTap): void {
    this.#setLength(tap);
    this.#deliver();
  }

  #deliverWithoutLength(): void {
    this.headers.hideLength();
    this.#deliver();
  }

  // --- to the app -------------------------------------------------------------------------------

  #deliver(): void {
    const next = this.#next;
    const scope = this.#scope;
    this.#release();
    if (next === undefined) return;
    const exchange = this.#exchange;
    const { headers } = this;
    const { method } = this.#req;
    if (headers.needsShow && headers.show()) this.#options?.rerouted?.(this.#req, this.#res);
    // Who sees another method than the client's frames the response for that one.
    if (exchange.stream.seesResponse || method !== this.#req.method) exchange.tapResponse();
    if (this.#res.writableEnded) return;
    this.isApps = true;
    if (scope === undefined) next();
    else scope.runInAsyncScope(next);
  }

  /** Nothing waits here any more. */
  #release(): void {
    this.#next = undefined;
    this.#scope = undefined;
    if (this.tap !== undefined) this.tap.holdsApp = false;
    if (this.#timer === undefined) return;
    clearTimeout(this.#timer);
    this.#timer = undefined;
  }

  /** A filter has answered: the app gets nothing (more). */
  answered(): void {
    this.#release();
  }
}

function giveUpLength(request: RequestEnd): void {
  request.giveUpLength();
}

function seesRequestBody({ context }: StreamPlugin): boolean {
  if (context === undefined) return false;
  const { onRequestBody, onRequestTrailers } = context.vm.callbacks;
  return onRequestBody !== null || onRequestTrailers !== null;
}
