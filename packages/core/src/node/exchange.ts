/**
 * One exchange: a request and its response, between the app and the stream of filters. It is found
 * again on both Node objects, so that a filter further back joins it instead of tapping anew.
 */
import { performance } from 'node:perf_hooks';

import { exchangeAttribute } from '../stream/attributes.js';
import type { BodyChunk } from '../stream/body-text.js';
import { HttpStream } from '../stream/http-stream.js';
import type { StreamEnds, StreamPlugin } from '../stream/ports.js';
import type { HeaderMap, LocalResponse, PropertyValue } from '../vm/context.js';
import { connectionAttribute } from './attributes.js';
import { noteRequest } from './coalesced-writes.js';
import { NodeExchangeFacts } from './exchange-facts.js';
import type { Expectation } from './expectation.js';
import { toLocalAnswer, type LocalAnswer } from './local-answer.js';
import { EXCHANGE, isHttp2, isInjected, type NodeRequest, type NodeResponse } from './messages.js';
import { RequestEnd } from './request-end.js';
import { withoutRequired } from './required-headers.js';
import { ResponseTap } from './response-tap.js';
import { shareShape } from './shared-shape.js';
import { unwatchSocket, watchSocket } from './socket-watch.js';

/** Calls what comes after the filters. */
export type Next = (error?: unknown) => void;
/** Told that `next` need not be waited for: a filter has answered, or `next` will never run. */
export type Over = () => void;

/** What only the server that filters stand in knows of an exchange: its route, its upstream. */
export interface AddedAttributes {
  /**
   * Wins over what Node knows. undefined: not one of these, or not known now.
   *
   * @param headers of the request as filters have them now, with `:path` and `:authority`
   */
  attribute(
    path: readonly string[],
    headers: { get(name: string): string | undefined },
  ): PropertyValue | undefined;
}

/** How a framework takes part. */
export interface JoinOptions {
  readonly bufferedBodyBytes: number;
  /** A request is met for the first time: @see FrameworkHooks.begin */
  readonly begin?: ((req: NodeRequest, res: NodeResponse) => AddedAttributes) | undefined;
  /** Filters that want to see the body pass even if it was read before them. */
  readonly allowConsumedBody: boolean;
  /** The last bytes of responses may wait for others that end in the same turn of the event loop. */
  readonly coalesceWrites: boolean;
  /** A filter changed path or method: `req.url` and `req.method` are new. */
  readonly rerouted?: ((req: NodeRequest, res: NodeResponse) => void) | undefined;
  /**
   * Sends what a filter has answered; false: it does not. `isWaiting`: what comes after the filters
   * has not been given the request, so it can't have begun to answer it.
   */
  readonly answer?:
    ((res: NodeResponse, answer: LocalAnswer, isWaiting: boolean) => boolean) | undefined;
}

export class Exchange implements StreamEnds {
  readonly req: NodeRequest;
  readonly res: NodeResponse;
  readonly stream: HttpStream;
  readonly request: RequestEnd;
  responseTap: ResponseTap | undefined;
  /** On performance's clock. */
  readonly startMs = performance.now();
  #isOver = false;
  #endMs: number | undefined;
  /** With `attach`: the client waits to be told to send its body. */
  expectation: Expectation | undefined;
  /** Filters that were attached to the server and have run: their middleware lets it pass, once. */
  #admitted: Set<JoinOptions> | undefined;
  readonly #coalesces: boolean;
  #isTunnel = false;
  /** A filter has answered: what the app still reads of the request never comes. */
  #isAnswered = false;
  #watchesSocket = false;
  /** Handlers that wait for what comes after them; the last of them still has `next` to run. */
  #waiting: Over[] | undefined;
  #over: Over | undefined;
  #facts: NodeExchangeFacts | undefined;
  readonly #added: AddedAttributes | undefined;

  constructor(req: NodeRequest, res: NodeResponse, options: JoinOptions) {
    this.req = req;
    this.res = res;
    this.#coalesces = options.coalesceWrites;
    noteRequest(this.startMs);
    // Before anything else, since it makes that cheap.
    shareShape(req);
    shareShape(res);
    this.#added = options.begin?.(req, res);
    this.request = new RequestEnd(req, res, this);
    this.stream = new HttpStream(this, this.request.headers.list, options);
    req[EXCHANGE] = this;
    res[EXCHANGE] = this;
    res.on('close', onClose);
    // A request that the client sent ahead: others have to be answered before it.
    if (res.socket === null && !isHttp2(res)) this.#watchSocket();
  }

  /** Asked for while the filters log, which is when the exchange ends; undefined before. */
  get endMs(): number | undefined {
    if (this.#isOver) this.#endMs ??= performance.now();
    return this.#endMs;
  }

  get requestTap(): RequestEnd['tap'] {
    return this.request.tap;
  }

  /** Runs the request through more filters; `next` once it has passed them. */
  join(plugins: readonly StreamPlugin[], options: JoinOptions, next: Next, over?: Over): void {
    this.#over = over;
    if (over !== undefined) (this.#waiting ??= []).push(over);
    this.request.join(plugins, options, next);
  }

  /** An attached filter has run, before any handler. */
  admit(filter: JoinOptions): void {
    (this.#admitted ??= new Set()).add(filter);
  }

  /** Whether the filter has run already and is now met as a handler; it then only passes on. */
  wasAdmitted(filter: JoinOptions): boolean {
    return this.#admitted?.delete(filter) === true;
  }

  /** In the place of {@link join} for such a filter. */
  pass(next: Next, over?: Over): void {
    if (over !== undefined) (this.#waiting ??= []).push(over);
    next();
  }

  // --- towards the app --------------------------------------------------------------------------

  requestHeaders(endOfStream: boolean): void {
    const { missing } = this.request.headers;
    if (missing !== undefined) {
      this.stream.sendLocalResponse(withoutRequired(missing));
      return;
    }
    this.expectation?.headPassed();
    this.request.passHeaders(endOfStream);
  }

  requestData(chunk: Uint8Array, endOfStream: boolean): void {
    this.request.passData(chunk, endOfStream);
  }

  requestTrailers(trailers: HeaderMap): void {
    this.request.passTrailers(trailers);
  }

  requestBodyWanted(): void {
    this.expectation?.bodyWanted();
  }

  pauseRequest(): void {
    this.requestTap?.pause();
  }

  resumeRequest(): void {
    this.requestTap?.resume();
  }

  // --- towards the client -----------------------------------------------------------------------

  /** Before the app (or anybody else who has the response) can answer. */
  tapResponse(): void {
    this.responseTap ??= new ResponseTap(this.res, this.stream, this.#coalesces);
    this.responseTap.install();
  }

  responseHeaders(endOfStream: boolean): void {
    this.responseTap?.passHeaders(endOfStream);
    if (this.#waiting !== undefined) this.#tellAnswered();
  }

  responseData(chunk: BodyChunk, endOfStream: boolean): void {
    this.responseTap?.passData(chunk, endOfStream);
    if (this.#waiting !== undefined) this.#tellAnswered();
  }

  responseTrailers(trailers: HeaderMap): void {
    this.responseTap?.passTrailers(trailers);
    if (this.#waiting !== undefined) this.#tellAnswered();
  }

  /** Nobody has to wait for the app once a filter's answer is on its way. */
  #tellAnswered(): void {
    const { responseTap } = this;
    if (responseTap?.isLocal === true && responseTap.writer.started) this.#tellAll();
  }

  #tellAll(): void {
    const waiting = this.#waiting ?? [];
    this.#waiting = undefined;
    for (const over of waiting) over();
  }

  /** The handlers before it wait for it, not for this. */
  #tellLast(): void {
    const over = this.#over;
    this.#over = undefined;
    over?.();
  }

  pauseResponse(): void {
    this.responseTap?.pause();
  }

  resumeResponse(): void {
    this.responseTap?.resume();
  }

  get responseStarted(): boolean {
    return this.#isTunnel || (this.responseTap?.writer.started ?? this.res.headersSent);
  }

  /** The app has the connection: no more messages of HTTP on it, so nothing more to filter. */
  becomeTunnel(): void {
    this.#isTunnel = true;
    this.stream.release();
  }

  beginLocalResponse(keepHeaders: boolean): HeaderMap {
    this.#answered();
    this.responseTap ??= new ResponseTap(this.res, this.stream, this.#coalesces);
    if (this.request.isApps) this.responseTap.install();
    return this.responseTap.takeOver(keepHeaders);
  }

  handOver(response: LocalResponse): boolean {
    const { isWaiting, headers, hooks } = this.request;
    if (hooks?.answer === undefined) return false;
    const answer = toLocalAnswer(response, headers.list);
    const inScope = this.request.scoped(hooks.answer);
    this.#answered();
    this.tapResponse();
    return inScope(this.res, answer, isWaiting);
  }

  #answered(): void {
    this.#isAnswered = true;
    this.request.answered();
    this.expectation?.answered();
  }

  reset(): void {
    const { res, req } = this;
    if (res.stream !== undefined) res.stream.close(HTTP2_INTERNAL_ERROR);
    else if (isInjected(req)) res.destroy();
    else req.socket.destroy();
  }

  // --- the end ----------------------------------------------------------------------------------

  /** The response is over; an app that answered early may still read the request. */
  closed(): void {
    const tap = this.requestTap;
    if (tap?.appReads === true && !this.#isAnswered && this.#mayGetMore) {
      this.req.on('close', onClose);
      this.#watchSocket();
      return;
    }
    if (this.stream.completed) return;
    this.#isOver = true;
    if (this.#watchesSocket) unwatchSocket(this.req.socket, this);
    if (this.responseTap?.isLocal === true) this.#tellAll();
    else if (this.request.isWaiting) this.#tellLast();
    this.request.answered();
    this.stream.complete();
    tap?.finish();
  }

  get #mayGetMore(): boolean {
    return !isHttp2(this.req) && !this.req.socket.destroyed;
  }

  /** Where Node does not tell request or response that the connection has closed. */
  #watchSocket(): void {
    if (this.#watchesSocket) return;
    this.#watchesSocket = true;
    watchSocket(this.req.socket, this);
  }

  // --- facts ------------------------------------------------------------------------------------

  attribute(path: readonly string[]): PropertyValue | undefined {
    this.#facts ??= new NodeExchangeFacts(this);
    return (
      this.#added?.attribute(path, this.request.headers.list) ??
      exchangeAttribute(this.#facts, path) ??
      connectionAttribute(this.req.socket, path)
    );
  }
}

const HTTP2_INTERNAL_ERROR = 2;

/** Of request and response alike. */
function onClose(this: NodeRequest | NodeResponse): void {
  this[EXCHANGE]?.closed();
}
