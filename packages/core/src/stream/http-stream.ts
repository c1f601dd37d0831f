import { HttpContext } from '../contexts/http-context.js';
import type { PluginContext } from '../contexts/plugin-context.js';
import type { ExchangePort } from '../contexts/ports.js';
import type {
  Context,
  HeaderMap,
  LocalResponse,
  PropertyValue,
  SetPropertyResult,
} from '../vm/context.js';
import { defer, guestIsRunning, runDeferred } from '../vm/deferred.js';
import { keepShape } from '../vm/kept-shape.js';
import { TRAPPED } from '../vm/vm.js';
import { bytesOf, type BodyChunk } from './body-text.js';
import { FilterStage, type StageStream } from './filter-stage.js';
import { writeLocalResponse } from './local-response.js';
import type { StreamEnds, StreamPlugin } from './ports.js';
import { StoredProperties } from './stored-properties.js';

const NO_BYTES = new Uint8Array(0);

/**
 * The state machine of one exchange: a chain of filters between the app and the client. Knows no
 * Node object; what is at its two ends is a {@link StreamEnds}. Request events run through the
 * chain first to last, response events last to first. @see docs/architecture.md
 */
export class HttpStream implements ExchangePort, StageStream {
  readonly bufferedBodyBytes: number;
  readonly #ends: StreamEnds;
  readonly #requestHeaders: HeaderMap;
  /** The filters' request stages, linked in the chain's order. */
  #first: FilterStage | null = null;
  #last: FilterStage | null = null;
  /** Where the response enters the chain: the last filter that may see it. */
  #responseEntry: FilterStage | null = null;
  /** First filter of the last join. */
  #joined: FilterStage | null = null;

  /** The chain has something that can see the request's body or trailers. */
  seesRequestBody = false;
  /** The chain has something that can see the response at all. */
  seesResponse = false;
  /** The chain has something that can see the response's body or trailers. */
  seesResponseBody = false;

  #requestStopped = false;
  #responseStopped = false;
  #responseSeen = false;
  #localResponse = false;
  /** A filter's answer has been given to what the ends have behind them, which sends it. */
  #handedOver = false;
  #completed = false;
  /** Something was paused, so that pauses have to be ended with the stream. */
  #hasPaused = false;
  #details = '';
  #properties: StoredProperties | undefined;

  constructor(
    ends: StreamEnds,
    requestHeaders: HeaderMap,
    limits: { readonly bufferedBodyBytes: number },
  ) {
    this.#ends = ends;
    this.#requestHeaders = requestHeaders;
    this.bufferedBodyBytes = limits.bufferedBodyBytes;
  }

  /** Whether {@link complete} has run. */
  get completed(): boolean {
    return this.#completed;
  }

  /** Envoy's response code details: why the response is what it is; '' while there is none. */
  get responseDetails(): string {
    return this.#details;
  }

  /** What filters set with `proxy_set_property`, by name. */
  get storedProperties(): ReadonlyMap<string, Uint8Array> | undefined {
    return this.#properties?.values;
  }

  // --- the request, from the client -------------------------------------------------------------

  /**
   * Adds plugins behind those in the chain and runs the request's head through them. The ends get
   * `requestHeaders` once it has passed: at once, later, or never.
   */
  join(plugins: readonly StreamPlugin[], endOfStream: boolean): void {
    let first: FilterStage | null = null;
    for (const plugin of plugins) {
      const filter = new FilterStage(this, plugin);
      if (this.#last === null) this.#first = filter;
      else this.#last.next = filter;
      this.#last = filter;
      if (!this.#responseSeen) {
        filter.peer.next = this.#responseEntry;
        this.#responseEntry = filter.peer;
      }
      this.#look(plugin);
      first ??= filter;
    }
    this.#joined = first;
    if (first === null) this.#ends.requestHeaders(endOfStream);
    else first.receiveHeaders(this.#requestHeaders, endOfStream);
  }

  /** Body from the client, for the whole chain. */
  requestData(chunk: Uint8Array, endOfStream: boolean): void {
    if (guestIsRunning())
      return defer(() => {
        this.requestData(chunk, endOfStream);
      });
    if (this.#requestStopped) return;
    if (this.#first === null) this.#ends.requestData(chunk, endOfStream);
    else this.#first.receiveData(chunk, endOfStream);
  }

  /** Body that passed the filters of earlier joins already: for those of the last join only. */
  replayRequestData(chunk: Uint8Array, endOfStream: boolean): void {
    if (guestIsRunning())
      return defer(() => {
        this.replayRequestData(chunk, endOfStream);
      });
    if (this.#requestStopped) return;
    if (this.#joined === null) this.#ends.requestData(chunk, endOfStream);
    else this.#joined.receiveData(chunk, endOfStream);
  }

  /** As {@link replayRequestData}, for the body's end with trailers. */
  replayRequestTrailers(trailers: HeaderMap): void {
    if (guestIsRunning())
      return defer(() => {
        this.replayRequestTrailers(trailers);
      });
    if (this.#requestStopped) return;
    if (this.#joined === null) this.#ends.requestTrailers(trailers);
    else this.#joined.receiveTrailers(trailers);
  }

  /** Whether a filter that holds the request's head wants the body read, up to its limit. */
  get holdsRequestBody(): boolean {
    if (this.#requestStopped) return false;
    let filter = this.#first;
    while (filter !== null && !filter.holdsWhole) filter = filter.next;
    return filter !== null;
  }

  requestTrailers(trailers: HeaderMap): void {
    if (guestIsRunning())
      return defer(() => {
        this.requestTrailers(trailers);
      });
    if (this.#requestStopped) return;
    if (this.#first === null) this.#ends.requestTrailers(trailers);
    else this.#first.receiveTrailers(trailers);
  }

  // --- the response, from the app ---------------------------------------------------------------

  /** The app's head, or a handed over answer's. Ignored once something else has answered. */
  responseHeaders(headers: HeaderMap, endOfStream: boolean): void {
    if (guestIsRunning())
      return defer(() => {
        this.responseHeaders(headers, endOfStream);
      });
    if (this.#responseStopped || this.#localResponse) return;
    if (!this.#handedOver) this.#details = 'via_upstream';
    this.#enterResponse(headers, endOfStream);
  }

  responseData(chunk: BodyChunk, endOfStream: boolean): void {
    if (guestIsRunning())
      return defer(() => {
        this.responseData(chunk, endOfStream);
      });
    if (this.#responseStopped || this.#localResponse) return;
    this.#enterResponseData(chunk, endOfStream);
  }

  responseTrailers(trailers: HeaderMap): void {
    if (guestIsRunning())
      return defer(() => {
        this.responseTrailers(trailers);
      });
    if (this.#responseStopped || this.#localResponse) return;
    if (this.#responseEntry === null) this.#ends.responseTrailers(trailers);
    else this.#responseEntry.receiveTrailers(trailers);
  }

  #enterResponse(headers: HeaderMap, endOfStream: boolean): void {
    this.#responseSeen = true;
    if (this.#responseEntry === null) this.#ends.responseHeaders(endOfStream);
    else this.#responseEntry.receiveHeaders(headers, endOfStream);
  }

  #enterResponseData(chunk: BodyChunk, endOfStream: boolean): void {
    if (this.#responseEntry === null) this.#ends.responseData(chunk, endOfStream);
    else this.#responseEntry.receiveData(chunk, endOfStream);
  }

  // --- the end ----------------------------------------------------------------------------------

  /** The app has taken the connection for something else: filters wait for the end only. */
  release(): void {
    this.#requestStopped = true;
    this.#responseStopped = true;
  }

  /**
   * The exchange is over, however it ended: `on_log` for each filter, then `on_done` and
   * `on_delete` (Envoy's order). Whatever is still called on the stream after it does nothing.
   */
  complete(): void {
    if (this.#completed) return;
    if (guestIsRunning())
      return defer(() => {
        this.complete();
      });
    this.#completed = true;
    this.#requestStopped = true;
    this.#responseStopped = true;
    if (this.#hasPaused) this.#endPauses();
    for (let filter = this.#first; filter !== null; filter = filter.next) this.#log(filter);
    for (let filter = this.#first; filter !== null; filter = filter.next) {
      filter.context?.onDoneAndDelete();
    }
    runDeferred();
  }

  #endPauses(): void {
    for (let filter = this.#first; filter !== null; filter = filter.next) {
      filter.endPause();
      filter.peer.endPause();
    }
  }

  /** A filter that the request never reached is created only to log, as in Envoy. */
  #log(filter: FilterStage): void {
    if (!filter.reached) {
      const root = filter.plugin.context;
      if (root === undefined || root.vm.callbacks.onLog === null) return;
      filter.headers = this.#requestHeaders;
      this.#create(filter, root);
    }
    filter.context?.onLog();
  }

  // --- contexts ---------------------------------------------------------------------------------

  open(filter: FilterStage): boolean {
    const root = filter.plugin.context;
    if (root === undefined || root.vm.failure !== undefined) {
      filter.reached = true;
      if (filter.plugin.failOpen) return true;
      this.#failClosed();
      return false;
    }
    if (this.#create(filter, root)) return true;
    runDeferred();
    return false;
  }

  #create(filter: FilterStage, root: PluginContext): boolean {
    filter.reached = true;
    const context = new HttpContext(root, this, filter, filter.peer);
    filter.setContext(context);
    return context.onContextCreate() !== TRAPPED;
  }

  /** @see abi.md 6.16; a stream that wants nothing more of the dead VM goes on. */
  contextFailed(context: Context): void {
    let filter = this.#first;
    while (filter !== null && filter.context !== context) filter = filter.next;
    if (filter === null) return;
    const { exported } = filter.context?.vm ?? {};
    const needed =
      exported !== undefined &&
      ((!this.#requestStopped && filter.needs(exported)) ||
        (!this.#responseStopped && filter.peer.needs(exported)));
    filter.setContext(null);
    if (!needed) return;
    if (filter.plugin.failOpenInFlight ?? filter.plugin.failOpen) {
      filter.detach();
      filter.peer.detach();
    } else {
      this.#failClosed();
    }
  }

  #failClosed(): void {
    this.sendLocalResponse({
      statusCode: 503,
      details: 'wasm_fail_stream',
      body: NO_BYTES,
      headers: [],
      grpcStatus: 14,
    });
  }

  #look({ context }: StreamPlugin): void {
    if (context === undefined) return;
    const { callbacks } = context.vm;
    this.seesRequestBody ||= callbacks.seesRequestBody;
    this.seesResponse ||= callbacks.seesResponse;
    this.seesResponseBody ||= callbacks.seesResponseBody;
  }

  // --- what contexts ask ------------------------------------------------------------------------

  /**
   * Answers the request here. Before any filter has seen a response, it goes through all of them
   * like the app's own would; after that it goes straight to the client; once the head is out,
   * the stream can only be reset. @see abi.md 6.7
   */
  sendLocalResponse(response: LocalResponse): void {
    if (guestIsRunning())
      return defer(() => {
        this.sendLocalResponse(response);
      });
    if (this.#completed) return;
    this.#requestStopped = true;
    if (this.#ends.responseStarted) {
      this.#responseStopped = true;
      this.#ends.reset();
      return;
    }
    this.#details = response.details;
    const throughFilters = !this.#responseSeen;
    if (throughFilters && this.#handOver(response)) return;
    this.#localResponse = true;
    const head = this.#ends.beginLocalResponse(throughFilters);
    const body = writeLocalResponse(head, response, this.#requestHeaders);
    if (throughFilters) {
      this.#enterResponse(head, body.length === 0);
      if (body.length > 0) this.#enterResponseData(body, true);
    } else {
      this.#responseStopped = true;
      this.#ends.responseHeaders(body.length === 0);
      if (body.length > 0) this.#ends.responseData(body, true);
    }
  }

  #handOver(response: LocalResponse): boolean {
    if (this.#handedOver || this.#ends.handOver === undefined) return false;
    // Before: the answer may come back at once.
    this.#handedOver = true;
    this.#handedOver = this.#ends.handOver(response);
    return this.#handedOver;
  }

  close(): void {
    if (guestIsRunning())
      return defer(() => {
        this.close();
      });
    if (this.#completed) return;
    this.#details = 'wasm_close_stream';
    this.#requestStopped = true;
    this.#responseStopped = true;
    this.#ends.reset();
  }

  attribute(path: readonly string[]): PropertyValue | undefined {
    return this.#ends.attribute(path);
  }

  storedProperty(path: readonly string[]): Uint8Array | undefined {
    return this.#properties?.find(path);
  }

  storeProperty(path: string, value: Uint8Array, limitBytes: number): SetPropertyResult {
    this.#properties ??= new StoredProperties();
    return this.#properties.store(path, value, limitBytes);
  }

  // --- what stages ask --------------------------------------------------------------------------

  isStopped(isRequest: boolean): boolean {
    return isRequest ? this.#requestStopped : this.#responseStopped;
  }

  passHeaders(isRequest: boolean, endOfStream: boolean): void {
    if (isRequest) this.#ends.requestHeaders(endOfStream);
    else this.#ends.responseHeaders(endOfStream);
  }

  passData(isRequest: boolean, chunk: BodyChunk, endOfStream: boolean): void {
    if (isRequest) this.#ends.requestData(bytesOf(chunk), endOfStream);
    else this.#ends.responseData(chunk, endOfStream);
  }

  passTrailers(isRequest: boolean, trailers: HeaderMap): void {
    if (isRequest) this.#ends.requestTrailers(trailers);
    else this.#ends.responseTrailers(trailers);
  }

  wantRequestBody(): void {
    if (!this.#requestStopped) this.#ends.requestBodyWanted?.();
  }

  pauseBegun(): void {
    this.#hasPaused = true;
  }

  /** Envoy's details for a stream on which nothing has happened for too long. */
  pausedTooLong(): void {
    this.sendLocalResponse({
      statusCode: 504,
      details: 'stream_idle_timeout',
      body: NO_BYTES,
      headers: [],
      grpcStatus: -1,
    });
  }

  setBackpressure(isRequest: boolean, on: boolean): void {
    const ends = this.#ends;
    if (isRequest && on) ends.pauseRequest();
    else if (isRequest) ends.resumeRequest();
    else if (on) ends.pauseResponse();
    else ends.resumeResponse();
  }

  overflow(isRequest: boolean): void {
    const [statusCode, details, text] = isRequest
      ? ([413, 'request_payload_too_large', 'Payload Too Large'] as const)
      : ([500, 'response_payload_too_large', 'Internal Server Error'] as const);
    const body = Buffer.from(text, 'latin1');
    this.sendLocalResponse({ statusCode, details, body, headers: [], grpcStatus: -1 });
  }
}

keepShape(new HttpStream(undefined as never, undefined as never, { bufferedBodyBytes: 0 }));
