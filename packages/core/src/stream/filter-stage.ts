import { DataStatus, HeadersStatus, TrailersStatus } from '../abi/types.js';
import type { HttpContext } from '../contexts/http-context.js';
import type { DirectionPort } from '../contexts/ports.js';
import type { Callbacks } from '../vm/callbacks.js';
import type { GuestBuffer, HeaderMap } from '../vm/context.js';
import { defer, guestIsRunning, runDeferred } from '../vm/deferred.js';
import { keepShape } from '../vm/kept-shape.js';
import { TRAPPED } from '../vm/vm.js';
import { NO_BODY } from './body-buffer.js';
import { bytesOf, type BodyChunk } from './body-text.js';
import { HeaderList } from './header-list.js';
import type { PausedStage } from './pause-watch.js';
import type { StreamPlugin } from './ports.js';
import { StageBody, type BodyStream } from './stage-body.js';

const NO_BYTES = new Uint8Array(0);

/** How far a filter lets its direction go. @see abi.md 6.2 */
const Iteration = {
  /** Everything passes. */
  FLOWING: 0,
  /** What came is held; body and trailers callbacks go on. */
  STOPPED: 1,
  /** No callbacks until resumed; more than the limit fails the stream. */
  STOPPED_ALL_BUFFER: 2,
  /** No callbacks until resumed; at the limit the sender is told to wait. */
  STOPPED_ALL_WATERMARK: 3,
} as const;
type Iteration = (typeof Iteration)[keyof typeof Iteration];

/**
 * What a headers callback's result comes to. A local response stops the direction by itself, if it
 * takes effect; if it came too late, waiting for it would be for ever. @see abi.md 4.3
 */
function afterHeaders(result: number, context: HttpContext): Iteration {
  if (context.takeLocalResponseRequest()) return Iteration.FLOWING;
  switch (result) {
    case HeadersStatus.CONTINUE:
    case HeadersStatus.CONTINUE_AND_END_STREAM:
      return Iteration.FLOWING;
    case HeadersStatus.STOP_ALL_ITERATION_AND_BUFFER:
      return Iteration.STOPPED_ALL_BUFFER;
    case HeadersStatus.STOP_ITERATION:
      return context.root.settings.allowOnHeadersStopIteration
        ? Iteration.STOPPED
        : Iteration.STOPPED_ALL_WATERMARK;
    default:
      return Iteration.STOPPED_ALL_WATERMARK;
  }
}

/** What a stage asks of its stream. */
export interface StageStream extends BodyStream {
  /** Limit of filters that have none of their own. */
  readonly bufferedBodyBytes: number;
  /** Nothing more may pass in that direction: answered locally, reset or over. */
  isStopped(isRequest: boolean): boolean;
  /** Creates the guest's context when the first callback of a filter is due. False: it failed. */
  open(stage: FilterStage): boolean;
  /** Past the last filter of the direction. */
  passHeaders(isRequest: boolean, endOfStream: boolean): void;
  passData(isRequest: boolean, chunk: BodyChunk, endOfStream: boolean): void;
  passTrailers(isRequest: boolean, trailers: HeaderMap): void;
  /** A filter holds the request's head until it has seen the body. */
  wantRequestBody(): void;
  /** Something is paused whose pause has to end with the stream. */
  pauseBegun(): void;
  /** A filter has held the stream for longer than it may. */
  pausedTooLong(): void;
}

/** The callback whose result paused a direction. */
const PausedBy = { HEADERS: 0, BODY: 1, TRAILERS: 2 } as const;
type PausedBy = (typeof PausedBy)[keyof typeof PausedBy];
const PAUSING_CALLBACKS = ['headers', 'body', 'trailers'] as const;

/**
 * One filter's part of one direction: takes head, body and trailers, asks the guest, and holds or
 * passes them on to the next filter. The states are drawn in docs/architecture.md.
 */
export class FilterStage implements DirectionPort, PausedStage {
  readonly #stream: StageStream;
  readonly #isRequest: boolean;
  readonly plugin: StreamPlugin;
  /** The same filter's stage for the other direction. */
  readonly peer: FilterStage;
  /** The next filter in this direction; null: the end of the chain. */
  next: FilterStage | null = null;
  /** Null: the filter is not (yet, or no longer) part of this exchange. */
  context: HttpContext | null = null;
  /** Whether the request reached the filter, so that its context was (or should be) created. */
  reached = false;

  headers: HeaderMap | undefined = undefined;
  trailers: HeaderMap | undefined = undefined;
  #iteration: Iteration = Iteration.FLOWING;
  #headersEndStream = false;
  #headersPassed = false;
  /** The guest has let the request go on: from then on it can't change its head. @see abi.md 6.6 */
  #headersGivenUp = false;
  #bodyEnded = false;
  #trailersArrived = false;
  #endPassed = false;
  #pausedBy: PausedBy = PausedBy.HEADERS;
  /** Its plugin's watch has it. */
  #pauseWatched = false;
  pauseDeadlineMs = 0;
  /** Inside a body callback that ends the stream: trailers may still be made. */
  #mayCreateTrailers = false;
  /** Made when there is a body: most exchanges have none in either direction or only in one. */
  #body: StageBody | undefined = undefined;

  /** A filter's request stage, with its response stage as {@link peer}. */
  constructor(stream: StageStream, plugin: StreamPlugin, request?: FilterStage) {
    this.#stream = stream;
    this.#isRequest = request === undefined;
    this.plugin = plugin;
    this.peer = request ?? new FilterStage(stream, plugin, this);
  }

  /** Gives both stages of the filter its context, or takes it away. */
  setContext(context: HttpContext | null): void {
    this.context = context;
    this.peer.context = context;
  }

  // --- what the guest sees and does -------------------------------------------------------------

  get headersHeld(): boolean {
    return this.headers !== undefined && !this.#headersPassed && !this.#headersGivenUp;
  }

  get trailersHeld(): boolean {
    return this.trailers !== undefined && !this.#endPassed;
  }

  createTrailers(): HeaderMap | undefined {
    if (this.#mayCreateTrailers) this.trailers ??= new HeaderList();
    return this.trailersHeld ? this.trailers : undefined;
  }

  get body(): GuestBuffer {
    return this.#body?.view ?? NO_BODY;
  }

  resume(): void {
    this.#headersGivenUp = this.#isRequest;
    if (guestIsRunning())
      defer(() => {
        this.continue();
      });
    else this.continue();
  }

  /** Whether something of this direction waits here for the guest. */
  get paused(): boolean {
    return this.#iteration !== Iteration.FLOWING && !this.#stream.isStopped(this.#isRequest);
  }

  /** Whether the guest wants the whole body held, up to a limit, without a look at it. */
  get holdsWhole(): boolean {
    return this.#iteration === Iteration.STOPPED_ALL_BUFFER;
  }

  /** Whether everything of this direction has gone past this filter, or nothing more will come. */
  needs(callbacks: Callbacks): boolean {
    if (this.#endPassed) return false;
    if (this.headers !== undefined && this.#headersPassed) {
      return this.#isRequest
        ? callbacks.onRequestBody !== null || callbacks.onRequestTrailers !== null
        : callbacks.onResponseBody !== null || callbacks.onResponseTrailers !== null;
    }
    if (this.headers !== undefined) return true;
    return this.#isRequest
      ? callbacks.onRequestHeaders !== null || callbacks.onRequestBody !== null
      : callbacks.onResponseHeaders !== null || callbacks.onResponseBody !== null;
  }

  // --- what comes from the stage before ---------------------------------------------------------

  receiveHeaders(headers: HeaderMap, endOfStream: boolean): void {
    this.headers = headers;
    this.#headersEndStream = endOfStream;
    if (endOfStream) this.#bodyEnded = true;
    if (this.#isRequest && !this.#stream.open(this)) return;
    const { context } = this;
    if (context !== null) {
      const result = this.#askHeaders(context, headers, endOfStream);
      if (result === TRAPPED) return this.#stopTrapped();
      this.#iteration = afterHeaders(result, context);
      if (this.#iteration !== Iteration.FLOWING) context.root.instruments?.countPause();
      runDeferred();
      if (this.#iteration === Iteration.STOPPED && this.#isRequest) this.#stream.wantRequestBody();
    }
    if (this.#iteration !== Iteration.FLOWING) this.#beginPause(PausedBy.HEADERS);
    else if (!this.#headersPassed) this.#passHeaders();
  }

  receiveData(chunk: BodyChunk, endOfStream: boolean): void {
    if (this.#stream.isStopped(this.#isRequest)) return;
    if (endOfStream) this.#bodyEnded = true;
    if (this.#iteration < Iteration.STOPPED_ALL_BUFFER) {
      this.#filterData(chunk, endOfStream);
      return;
    }
    const body = this.#openBody();
    body.hold(chunk);
    body.checkLimit(this.#iteration === Iteration.STOPPED_ALL_BUFFER);
  }

  receiveTrailers(trailers: HeaderMap): void {
    if (this.#stream.isStopped(this.#isRequest)) return;
    this.trailers = trailers;
    this.#trailersArrived = true;
    this.#bodyEnded = true;
    if (this.#iteration < Iteration.STOPPED_ALL_BUFFER) this.#filterTrailers(trailers);
  }

  // --- resuming ---------------------------------------------------------------------------------

  /** After a pause: passes on what is held, first to this filter's own callbacks if it had none. */
  continue(): void {
    if (this.#iteration === Iteration.FLOWING || this.#stream.isStopped(this.#isRequest)) return;
    const unseen = this.#iteration >= Iteration.STOPPED_ALL_BUFFER;
    this.#iteration = Iteration.FLOWING;
    this.endPause();
    if (!this.#headersPassed) this.#passHeaders();
    if (this.#stream.isStopped(this.#isRequest)) return;
    const chunk = this.#takeHeld();
    const endOfStream = this.#bodyEnded && !this.#trailersArrived && !this.#endPassed;
    if (chunk.length > 0 || endOfStream) {
      if (unseen) this.#filterData(chunk, endOfStream);
      else this.#passData(chunk, endOfStream);
    }
    this.#continueTrailers(unseen);
  }

  #continueTrailers(unseen: boolean): void {
    const { trailers } = this;
    if (trailers === undefined || !this.#trailersArrived || this.#endPassed) return;
    if (this.#stream.isStopped(this.#isRequest)) return;
    if (unseen) this.#filterTrailers(trailers);
    else this.#passTrailers(trailers);
  }

  /** The filter's VM is gone and its policy lets the exchange go on: whatever it holds passes. */
  detach(): void {
    this.context = null;
    if (this.headers === undefined) return;
    this.#body?.keepVisible(false);
    if (this.#iteration === Iteration.FLOWING) {
      if (!this.#headersPassed) this.#passHeaders();
    } else {
      this.#iteration = Iteration.STOPPED;
      this.continue();
    }
  }

  // --- the pause's end --------------------------------------------------------------------------

  #beginPause(by: PausedBy): void {
    const { pauses } = this.plugin;
    if (pauses === undefined || this.#stream.isStopped(this.#isRequest)) return;
    this.#pausedBy = by;
    this.#pauseWatched = true;
    pauses.begin(this);
    this.#stream.pauseBegun();
  }

  /** Resumed, or over. */
  endPause(): void {
    if (!this.#pauseWatched) return;
    this.#pauseWatched = false;
    this.plugin.pauses?.end(this);
  }

  pauseExpired(): void {
    this.#pauseWatched = false;
    if (!this.paused || this.#stream.isStopped(this.#isRequest)) return;
    const direction = this.#isRequest ? 'request' : 'response';
    this.plugin.pausedTooLong?.(`proxy_on_${direction}_${PAUSING_CALLBACKS[this.#pausedBy]}`);
    this.#stream.pausedTooLong();
  }

  // --- asking the guest -------------------------------------------------------------------------

  #askHeaders(context: HttpContext, headers: HeaderMap, endOfStream: boolean): number {
    if (this.#isRequest) {
      if (context.vm.callbacks.onRequestHeaders === null) return 0;
      return context.onRequestHeaders(headers.count(), endOfStream);
    }
    if (context.vm.callbacks.onResponseHeaders === null) return 0;
    return context.onResponseHeaders(headers.count(), endOfStream);
  }

  #filterData(chunk: BodyChunk, endOfStream: boolean): void {
    const { context } = this;
    if (context === null || !this.#hasBodyCallback(context)) {
      this.#releaseData(chunk, endOfStream);
      return;
    }
    const buffer = this.#openBody().show(chunk);
    this.#mayCreateTrailers = endOfStream;
    const result = this.#isRequest
      ? context.onRequestBody(buffer.length, endOfStream)
      : context.onResponseBody(buffer.length, endOfStream);
    this.#mayCreateTrailers = false;
    if (result === TRAPPED) return this.#stopTrapped();
    const status = context.takeLocalResponseRequest() ? DataStatus.CONTINUE : result;
    if (this.trailers !== undefined && !this.#trailersArrived) this.#trailersArrived = true;
    this.#afterData(status, endOfStream);
  }

  #hasBodyCallback({ vm: { callbacks } }: HttpContext): boolean {
    return (this.#isRequest ? callbacks.onRequestBody : callbacks.onResponseBody) !== null;
  }

  #afterData(status: number, endOfStream: boolean): void {
    const body = this.#openBody();
    if (status === DataStatus.CONTINUE) {
      const shown = body.takeVisible();
      this.#iteration = Iteration.FLOWING;
      this.endPause();
      runDeferred();
      this.#releaseData(shown, endOfStream);
      return;
    }
    this.#iteration = Iteration.STOPPED;
    this.context?.root.instruments?.countPause();
    if (status === DataStatus.STOP_ITERATION_AND_BUFFER) {
      body.keepVisible(true);
      body.checkLimit(true);
    } else if (status === DataStatus.STOP_ITERATION_AND_WATERMARK) {
      body.keepVisible(false);
      body.checkLimit(false);
    } else {
      body.dropVisible();
    }
    runDeferred();
    if (this.paused) this.#beginPause(PausedBy.BODY);
  }

  #filterTrailers(trailers: HeaderMap): void {
    const { context } = this;
    if (context !== null) {
      const result = this.#askTrailers(context, trailers);
      if (result === TRAPPED) return this.#stopTrapped();
      const answered = context.takeLocalResponseRequest();
      const stopped = result !== TrailersStatus.CONTINUE && !answered;
      this.#iteration = stopped ? Iteration.STOPPED : Iteration.FLOWING;
      if (stopped) context.root.instruments?.countPause();
      runDeferred();
      if (this.paused) this.#beginPause(PausedBy.TRAILERS);
      else this.endPause();
      if (this.paused || this.#endPassed) return;
    }
    if (this.#stream.isStopped(this.#isRequest)) return;
    if (!this.#headersPassed) this.#passHeaders();
    const chunk = this.#takeHeld();
    if (chunk.length > 0) this.#passData(chunk, false);
    this.#passTrailers(trailers);
  }

  #askTrailers(context: HttpContext, trailers: HeaderMap): number {
    const { callbacks } = context.vm;
    if (this.#isRequest) {
      if (callbacks.onRequestTrailers === null) return 0;
      return context.onRequestTrailers(trailers.count());
    }
    if (callbacks.onResponseTrailers === null) return 0;
    return context.onResponseTrailers(trailers.count());
  }

  /**
   * Holds everything until the failure is settled. Where it is settled already (a trap is, before
   * its callback's caller knows of it) and the stream goes on, what the guest was shown passes.
   */
  #stopTrapped(): void {
    this.#iteration = Iteration.STOPPED;
    runDeferred();
    if (this.context === null) this.continue();
  }

  #openBody(): StageBody {
    const { bufferedBodyBytes } = this.plugin.limits ?? this.#stream;
    this.#body ??= new StageBody(this.#stream, this.#isRequest, bufferedBodyBytes);
    return this.#body;
  }

  #takeHeld(): BodyChunk {
    return this.#body === undefined ? NO_BYTES : this.#body.takeHeld();
  }

  // --- passing on -------------------------------------------------------------------------------

  /** Head (if held), then what is held, then this chunk. */
  #releaseData(chunk: BodyChunk, endOfStream: boolean): void {
    if (this.#stream.isStopped(this.#isRequest)) return;
    this.#iteration = Iteration.FLOWING;
    if (!this.#headersPassed) this.#passHeaders();
    let data = chunk;
    const held = this.#takeHeld();
    if (held.length > 0)
      data = data.length === 0 ? held : Buffer.concat([bytesOf(held), bytesOf(data)]);
    const created = endOfStream && this.#trailersArrived ? this.trailers : undefined;
    this.#passData(data, endOfStream && created === undefined);
    if (created !== undefined) this.#passTrailers(created);
  }

  #passHeaders(): void {
    const { headers } = this;
    if (headers === undefined || this.#stream.isStopped(this.#isRequest)) return;
    this.#headersPassed = true;
    if (this.#headersEndStream) this.#endPassed = true;
    if (this.next === null) this.#stream.passHeaders(this.#isRequest, this.#headersEndStream);
    else this.next.receiveHeaders(headers, this.#headersEndStream);
  }

  #passData(chunk: BodyChunk, endOfStream: boolean): void {
    if (this.#endPassed || (chunk.length === 0 && !endOfStream)) return;
    if (this.#stream.isStopped(this.#isRequest)) return;
    if (endOfStream) this.#endPassed = true;
    if (this.next === null) this.#stream.passData(this.#isRequest, chunk, endOfStream);
    else this.next.receiveData(chunk, endOfStream);
  }

  #passTrailers(trailers: HeaderMap): void {
    if (this.#endPassed || this.#stream.isStopped(this.#isRequest)) return;
    this.#endPassed = true;
    if (this.next === null) this.#stream.passTrailers(this.#isRequest, trailers);
    else this.next.receiveTrailers(trailers);
  }
}

keepShape(new FilterStage(undefined as never, undefined as never));
