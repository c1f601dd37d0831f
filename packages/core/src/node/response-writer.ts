/**
 * The way out of a response, behind the filters: calls the functions that the tap took the place
 * of, and keeps the framing true. The head goes out with the first of the body, or with its end, so
 * that a body that came in one go has its exact length. @see docs/architecture.md, decision 7
 */
import { Buffer } from 'node:buffer';

import { BodyText, type BodyChunk } from '../stream/body-text.js';
import type { HeaderMap } from '../vm/context.js';
import { dropLength, restoreLength, settleLength } from './body-length.js';
import { beginCoalesced, endCoalesced } from './coalesced-writes.js';
import { announcesTrailers, contentLengthOf } from './header-table.js';
import { HeldBody } from './held-body.js';
import { showUnsent, silence } from './held-response.js';
import { putLocalHead } from './local-head.js';
import { isHttp2, type NodeResponse } from './messages.js';
import { announceTrailers, groupedEntries, pairsOfEntries } from './response-entries.js';
import { ResponseHeaders } from './response-headers.js';

export type Callback = (error?: Error | null) => void;
type Write = (chunk: unknown, encoding?: unknown, callback?: unknown) => boolean;
type Method = (...values: unknown[]) => NodeResponse;

/** The methods of a response as they were before the tap: Node's own, or another library's. */
export interface NativeMethods {
  readonly writeHead: Method;
  readonly write: Write;
  readonly end: Method;
  readonly flushHeaders: () => void;
  readonly addTrailers: Method;
}

export class ResponseWriter {
  readonly #res: NodeResponse;
  /** The app's head, or what has the place of its status. */
  readonly #head: ResponseHeaders;
  readonly native: NativeMethods;
  readonly #coalesces: boolean;
  /** The head is out (or as good as: Node has made it). */
  started = false;
  ended = false;
  /** Node's methods call each other: what they call now is not the app's. */
  passing = false;
  sentBytes = 0;
  /** What Node has refused, for whoever called: it is not thrown through the filters. */
  error: unknown;
  /** A filter may change the body, so that what the app said of its length may not hold. */
  bodyMayChange = false;
  /** The head may not wait for the body. */
  flushes = false;
  /** The answer is a filter's, not the app's. */
  isLocal = false;
  /** The app still has the response that a filter has answered. */
  silences = false;
  /** The head of a filter's own answer, as the filters left it. */
  #localHead: HeaderMap | undefined;
  #held: HeldBody | undefined;

  /** @param coalesces whether its last bytes may wait for the end of the turn */
  constructor(res: NodeResponse, head: ResponseHeaders, native: NativeMethods, coalesces: boolean) {
    this.#res = res;
    this.#head = head;
    this.native = native;
    this.#coalesces = coalesces && !isHttp2(res);
  }

  /** Whether the client can be sent a body: its own method and the status decide. */
  get allowsBody(): boolean {
    const res = this.#res;
    const isHead = isHttp2(res)
      ? (res.stream as { headRequest?: boolean } | undefined)?.headRequest === true
      : res._hasBody === false;
    const { statusCode } = this.#head;
    return !isHead && statusCode !== 204 && statusCode !== 304;
  }

  // --- the head ---------------------------------------------------------------------------------

  /** Takes over the head as the filters left it; it goes out with what comes next. */
  takeHead(headers: HeaderMap): void {
    const res = this.#res;
    this.#open();
    if (headers instanceof ResponseHeaders) {
      if (headers.statusEdited) this.#setStatus(headers.get(':status'));
      if (headers.lengthEdited && !this.bodyMayChange) restoreLength(res, headers.appLength);
    } else {
      this.#localHead = headers;
      putLocalHead(res, headers);
      this.#setStatus(headers.get(':status'));
    }
    if (this.#head.statusCode === 204) res.removeHeader('content-length');
  }

  /** Before Node is given something: what the app has been shown, and has set, meanwhile. */
  #open(): void {
    showUnsent(this.#res);
    if (!this.started) this.#head.restoreStatus();
  }

  /** The head goes out with what comes next. */
  #start(): void {
    if (this.started) return;
    this.started = true;
    // Node throws where trailers are announced and can't be sent.
    if (announcesTrailers(this.#res) && !this.#isChunked) this.#res.removeHeader('trailer');
  }

  get #isChunked(): boolean {
    const res = this.#res;
    if (!this.allowsBody || isHttp2(res)) return this.allowsBody;
    const hasLength = contentLengthOf(res) !== undefined;
    return res.useChunkedEncodingByDefault && !hasLength && res._removedTE !== true;
  }

  /** Where a filter holds its body, the app has had time to write to what looked unsent. */
  #restoreLocalHead(): void {
    if (this.silences && this.#localHead !== undefined) this.takeHead(this.#localHead);
  }

  /** Without a status there is no response, and HTTP/2 knows none above 599. @see abi.md 6.8 */
  #setStatus(status: string | undefined): void {
    const res = this.#res;
    const code = status === undefined ? 502 : Number(status);
    res.statusCode = isHttp2(res) && code > 599 ? 502 : code;
    if (!isHttp2(res)) res.statusMessage = '';
    this.#head.settleStatus();
  }

  /** Sends the head ahead of the body. */
  flush(): void {
    if (this.started) return;
    this.#open();
    if (this.bodyMayChange && this.allowsBody) dropLength(this.#res);
    this.#start();
    this.passing = true;
    try {
      this.native.flushHeaders.call(this.#res);
    } catch (error) {
      this.error ??= error;
    }
    this.passing = false;
    this.#writeHeld();
  }

  // --- the body ---------------------------------------------------------------------------------

  /** A body whose length may yet be known before anything of it is out. */
  get #mayHold(): boolean {
    return this.bodyMayChange && !this.flushes && this.allowsBody;
  }

  /** What filters let pass. Answers false where the sender should wait for 'drain'. */
  write(chunk: BodyChunk, callback?: Callback): boolean {
    this.#open();
    if (!this.started) this.#restoreLocalHead();
    if (!this.started && this.#mayHold && this.#hold(chunk)) {
      if (callback !== undefined) process.nextTick(callback);
      return true;
    }
    if (!this.started && this.bodyMayChange && this.allowsBody) dropLength(this.#res);
    this.#writeHeld();
    return this.#write(chunk, callback);
  }

  /** The last of the body, empty or not. */
  end(chunk?: BodyChunk): void {
    this.#open();
    let last = chunk;
    if (!this.started) {
      this.#restoreLocalHead();
      if (this.#held !== undefined) last = this.#held.takeWith(chunk);
      if (this.allowsBody) settleLength(this.#res, last?.length ?? 0, this.isLocal);
    }
    this.#end(last !== undefined && last.length > 0 ? last : undefined);
  }

  /** Ends the body with trailers (name, value, …), for which an HTTP/1 body must be chunked. */
  endWithTrailers(entries: readonly string[]): void {
    const res = this.#res;
    this.#open();
    if (!this.started) this.#restoreLocalHead();
    const isChunked = !isHttp2(res) && res.useChunkedEncodingByDefault && this.allowsBody;
    if (isChunked && !this.started && entries.length > 0) {
      dropLength(res);
      announceTrailers(res, entries);
    }
    this.#writeHeld();
    // A head that goes out with the end of its stream leaves no room for trailers.
    if (isHttp2(res) && !this.started && entries.length > 0 && this.allowsBody) this.flush();
    this.passing = true;
    this.native.addTrailers.call(
      res,
      isHttp2(res) ? groupedEntries(entries) : pairsOfEntries(entries),
    );
    this.passing = false;
    this.#end();
  }

  /** What the app gave, as it gave it: no filter asked for it. */
  writeDirect(
    chunk: unknown,
    encoding: unknown,
    callback: unknown,
    sizeBytes: number = byteLength(chunk, encoding),
  ): boolean {
    const res = this.#res;
    this.#open();
    this.sentBytes += sizeBytes;
    this.#start();
    this.passing = true;
    try {
      return this.native.write.call(res, chunk, encoding, callback);
    } catch (error) {
      this.error ??= error;
      return true;
    } finally {
      this.#passed();
    }
  }

  /** As {@link writeDirect}, for the last of the body: `sizeBytes` of it, where that is known. */
  endDirect(
    chunk: unknown,
    encoding: unknown,
    sizeBytes: number = byteLength(chunk, encoding),
  ): void {
    const res = this.#res;
    this.#open();
    this.sentBytes += sizeBytes;
    this.#start();
    this.ended = true;
    this.passing = true;
    if (this.#coalesces) beginCoalesced(res);
    try {
      this.native.end.call(res, chunk, encoding);
    } catch (error) {
      this.error ??= error;
    } finally {
      endCoalesced();
      this.#passed();
    }
  }

  /** Forgets what is held: something else is sent. */
  drop(): void {
    this.#held = undefined;
  }

  #hold(chunk: BodyChunk): boolean {
    this.#held ??= new HeldBody();
    return this.#held.add(chunk, this.#res);
  }

  #writeHeld(): void {
    if (this.#held === undefined) return;
    for (const chunk of this.#held.take()) this.#write(chunk);
  }

  #write(chunk: BodyChunk, callback?: Callback): boolean {
    if (this.started || this.allowsBody) {
      const piece = chunk instanceof BodyText ? chunk.text : chunk;
      return this.writeDirect(piece, undefined, callback, chunk.length);
    }
    if (callback !== undefined) process.nextTick(callback);
    return true;
  }

  #end(chunk?: BodyChunk): void {
    if (chunk === undefined || !this.allowsBody) this.endDirect(undefined, undefined);
    else if (chunk instanceof BodyText) this.endDirect(chunk.text, undefined, chunk.length);
    else this.endDirect(chunk, undefined, chunk.length);
  }

  /** Node has done what was asked of it. */
  #passed(): void {
    this.passing = false;
    if (!this.silences) return;
    this.silences = false;
    silence(this.#res);
  }
}

function byteLength(chunk: unknown, encoding: unknown): number {
  if (typeof chunk === 'string') return Buffer.byteLength(chunk, encoding as BufferEncoding);
  return chunk instanceof Uint8Array ? chunk.length : 0;
}
