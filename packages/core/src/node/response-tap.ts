/**
 * A response on its way from the app to the filters. `writeHead`, `write`, `end` and their like are
 * own properties of the response, the same functions for all responses; the app keeps its object.
 */
import type { BodyChunk } from '../stream/body-text.js';
import { HeaderList } from '../stream/header-list.js';
import type { HttpStream } from '../stream/http-stream.js';
import type { HeaderMap } from '../vm/context.js';
import { showNeedDrain, showSent } from './held-response.js';
import { localHead } from './local-head.js';
import { isHttp2, type NodeResponse } from './messages.js';
import { flatTrailers, mergeHead, type HeadValues } from './response-head.js';
import { ResponseHeaders } from './response-headers.js';
import { patchMethods, toBodyChunk } from './response-methods.js';
import { ResponseWriter, type Callback, type NativeMethods } from './response-writer.js';

type Trailer = readonly [name: string, value: unknown];

export class ResponseTap {
  readonly #res: NodeResponse;
  readonly #stream: HttpStream;
  readonly writer: ResponseWriter;
  readonly #appHeaders: ResponseHeaders;
  /** The head of a filter's own answer. */
  #local: HeaderList | undefined;
  #installed = false;

  /** The app has sent its head, and its end, as far as it knows. */
  appHead = false;
  appEnded = false;
  /** The stream has the app's head; it has let one pass. */
  #given = false;
  #passed = false;
  /** The app's trailers, names in its case; the list that filters see is over the same array. */
  #trailers: string[] | undefined;
  #appTrailers: HeaderList | undefined;
  /** Of the body, from the app, while nothing has been sent. */
  #unsentBytes = 0;

  /** The app is in a call, and can be told of what Node refuses. */
  #isCalled = false;
  #paused = false;
  #needsDrain = false;
  /** Callback of the app's write that is on its way through the filters. */
  #callback: Callback | undefined;
  #accepted = true;
  /** Callbacks of writes that a paused filter holds. */
  #waiting: Callback[] | undefined;

  constructor(res: NodeResponse, stream: HttpStream, coalesces: boolean) {
    this.#res = res;
    this.#stream = stream;
    this.#appHeaders = new ResponseHeaders(res);
    this.writer = new ResponseWriter(res, this.#appHeaders, nativeMethods(res), coalesces);
  }

  /** From now on the app's calls come here. */
  install(): void {
    if (this.#installed) return;
    this.#installed = true;
    patchMethods(this.#res);
  }

  /** The response's head, as the filters see it or left it. */
  get headers(): HeaderMap {
    return this.#local ?? this.#appHeaders;
  }

  /** On HTTP/2: the app has ended it, and that is known here alone. */
  get looksEnded(): boolean {
    return this.appEnded && !this.isLocal && !this.writer.ended && isHttp2(this.#res);
  }

  /** A filter has answered, and not the app. */
  get isLocal(): boolean {
    return this.#local !== undefined;
  }

  // --- what the app does ------------------------------------------------------------------------

  writeHead(values: HeadValues): void {
    if (this.isLocal) {
      this.appHead = true;
      return;
    }
    mergeHead(this.#res, values);
    this.#appHeaders.settleStatus();
    this.appHead = true;
    this.#show();
  }

  flushHeaders(): void {
    if (this.isLocal || this.appEnded) return;
    this.#sendHead();
    this.writer.flushes = true;
    this.#isCalled = true;
    this.#begin(false);
    if (this.#passed) this.writer.flush();
    this.#show();
    this.#endCall();
  }

  addTrailers(trailers: Record<string, unknown> | readonly Trailer[]): void {
    this.#trailers = flatTrailers(trailers);
  }

  /** As `res.write`. */
  write(chunk: unknown, encoding: unknown, callback: Callback | undefined): boolean {
    if (this.isLocal) return this.#ignore(callback);
    this.#sendHead();
    this.#isCalled = true;
    this.#begin(false);
    const accepted = this.#pass(chunk, encoding, callback, false);
    this.#show();
    this.#endCall();
    return accepted;
  }

  /** As `res.end`. */
  end(chunk: unknown, encoding: unknown, callback: Callback | undefined): void {
    if (this.isLocal) {
      this.appEnded = true;
      this.appHead = true;
      this.#ignore(callback);
      return;
    }
    // Before anything has begun: it may be refused, and the app may send another.
    this.#sendHead();
    this.appEnded = true;
    this.#isCalled = true;
    if (callback !== undefined) this.#res.once('finish', callback);
    const isEmpty = chunk === undefined || chunk === null || (chunk as string).length === 0;
    const isWhole = isEmpty && this.#trailers === undefined;
    if (!this.#begin(isWhole)) this.#pass(chunk, encoding, undefined, true);
    this.#show();
    this.#endCall();
  }

  /** @throws what Node has refused in the call that ends */
  #endCall(): void {
    this.#isCalled = false;
    if (this.writer.error !== undefined) throw this.#takeError();
  }

  #takeError(): Error {
    const { error } = this.writer;
    this.writer.error = undefined;
    return error as Error;
  }

  /** The app's call is over since filters held what it gave: its mistake ends the exchange. */
  #settleError(): void {
    if (this.#isCalled || this.writer.error === undefined) return;
    process.emitWarning(this.#takeError());
    this.#stream.close();
  }

  #sendHead(): void {
    const res = this.#res;
    // By way of the property: other libraries set headers at the last moment there.
    if (!this.appHead) res.writeHead(res.statusCode);
  }

  /**
   * Gives the stream the app's head, with the first call that sends something. Answers whether the
   * end of the stream went with it.
   */
  #begin(endOfStream: boolean): boolean {
    if (this.#given) return false;
    this.#given = true;
    const { writer } = this;
    writer.bodyMayChange = this.#stream.seesResponseBody;
    const isWhole = endOfStream || (this.appEnded && !writer.allowsBody);
    this.#stream.responseHeaders(this.#appHeaders, isWhole);
    return isWhole;
  }

  /**
   * A piece of the body goes into the stream; past it where no filter looks at bodies, once the head
   * has passed: until then filters hold the body, within their limits.
   */
  #pass(
    chunk: unknown,
    encoding: unknown,
    callback: Callback | undefined,
    isEnd: boolean,
  ): boolean {
    const { writer } = this;
    if (this.isLocal) return this.#ignore(callback);
    if (writer.bodyMayChange || !this.#passed)
      return this.#filter(chunk, encoding, callback, isEnd);
    if (!isEnd) return writer.writeDirect(chunk, encoding, callback);
    this.#endDirect(chunk, encoding);
    return true;
  }

  #endDirect(chunk: unknown, encoding: unknown): void {
    const { writer } = this;
    const isEmpty = chunk === undefined || chunk === null;
    if (this.#trailers !== undefined) {
      if (!isEmpty) writer.writeDirect(chunk, encoding, undefined);
      writer.endWithTrailers(this.#trailers);
    } else if (isEmpty && !writer.started) {
      writer.end();
    } else {
      writer.endDirect(chunk, encoding);
    }
  }

  #filter(
    chunk: unknown,
    encoding: unknown,
    callback: Callback | undefined,
    isEnd: boolean,
  ): boolean {
    const piece = toBodyChunk(chunk, encoding);
    this.#unsentBytes += piece.length;
    this.#accepted = true;
    this.#callback = callback;
    if (isEnd && this.#trailers !== undefined) {
      if (piece.length > 0) this.#stream.responseData(piece, false);
      this.#appTrailers = new HeaderList(this.#trailers);
      this.#stream.responseTrailers(this.#appTrailers);
    } else if (isEnd || piece.length > 0) {
      this.#stream.responseData(piece, isEnd);
    }
    const left = this.#takeCallback();
    if (left !== undefined) this.#settle(left);
    if (this.#paused) {
      this.#needsDrain = true;
      if (!isEnd) showNeedDrain(this.#res, true);
    }
    return this.#mayWrite();
  }

  #mayWrite(): boolean {
    return this.#accepted && !this.#paused;
  }

  #takeCallback(): Callback | undefined {
    const callback = this.#callback;
    this.#callback = undefined;
    return callback;
  }

  /** A filter holds the bytes: the app may go on unless the filter has had enough. */
  #settle(callback: Callback): void {
    if (this.#paused && !this.isLocal) (this.#waiting ??= []).push(callback);
    else process.nextTick(callback);
  }

  #settleWaiting(): void {
    const waiting = this.#waiting;
    if (waiting === undefined) return;
    this.#waiting = undefined;
    for (const callback of waiting) process.nextTick(callback);
  }

  #ignore(callback: Callback | undefined): boolean {
    if (callback !== undefined) process.nextTick(callback);
    return true;
  }

  // --- what the stream does ---------------------------------------------------------------------

  passHeaders(endOfStream: boolean): void {
    const { writer } = this;
    this.#passed = true;
    writer.takeHead(this.headers);
    if (endOfStream) {
      writer.end();
    } else {
      if (writer.flushes) writer.flush();
      this.#show();
    }
    this.#settleError();
  }

  passData(chunk: BodyChunk, endOfStream: boolean): void {
    if (endOfStream) this.writer.end(chunk);
    else if (!this.writer.write(chunk, this.#takeCallback())) this.#accepted = false;
    this.#show();
    this.#settleError();
  }

  passTrailers(trailers: HeaderMap): void {
    const own = trailers === this.#appTrailers ? this.#trailers : undefined;
    this.writer.endWithTrailers(own ?? trailers.entries());
    this.#settleError();
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    this.#settleWaiting();
    this.#drain();
  }

  /** The app was told to wait. Later, since it may write at once. */
  #drain(): void {
    if (!this.#needsDrain) return;
    this.#needsDrain = false;
    showNeedDrain(this.#res, false);
    process.nextTick(emitDrain, this.#res);
  }

  /** The answer is a filter's: what the app wrote and what it still writes is dropped. */
  takeOver(keepHeaders: boolean): HeaderMap {
    const { writer } = this;
    const local = localHead(this.#res, keepHeaders);
    this.#local = local;
    this.#given = true;
    writer.isLocal = true;
    writer.silences = this.#installed;
    writer.bodyMayChange = true;
    writer.flushes = false;
    writer.drop();
    this.#settleWaiting();
    this.#paused = false;
    // What the app pipes in has to come to its end, or its source stays open.
    this.#drain();
    return local;
  }

  /** What the app asks its response about, while the real head or end waits here. */
  #show(): void {
    const { writer } = this;
    if (writer.ended || this.isLocal || (writer.started && !this.appEnded)) return;
    // Never 0: the head at least is not out.
    if (this.appHead) showSent(this.#res, this.appEnded, this.#unsentBytes || 1);
  }
}

function emitDrain(res: NodeResponse): void {
  if (!res.destroyed) res.emit('drain');
}

let lastNative: NativeMethods | undefined;

/** The same object for as long as responses come with the same methods, as nearly all do. */
function nativeMethods(res: NodeResponse): NativeMethods {
  const { writeHead, write, end, flushHeaders, addTrailers } = res as unknown as NativeMethods;
  const last = lastNative;
  if (
    last?.writeHead === writeHead &&
    last.write === write &&
    last.end === end &&
    last.flushHeaders === flushHeaders &&
    last.addTrailers === addTrailers
  ) {
    return last;
  }
  lastNative = { writeHead, write, end, flushHeaders, addTrailers };
  return lastNative;
}
