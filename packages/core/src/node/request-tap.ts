/**
 * A request's body on its way from Node's parser to the app: taken where the parser pushes it,
 * shown to the filters, and pushed on where they let it pass. `push` is an own property of the
 * request, the same function for all requests.
 */
import { IncomingMessage } from 'node:http';

import { HeaderList } from '../stream/header-list.js';
import type { HttpStream } from '../stream/http-stream.js';
import type { HeaderMap } from '../vm/context.js';
import { EXCHANGE, isHttp2, isInjected, type NodeRequest } from './messages.js';
import { trailersOf } from './request-body.js';
import { showTrailers } from './request-trailers.js';

const NO_BYTES = new Uint8Array(0);

type Push = (chunk: unknown, encoding?: BufferEncoding) => boolean;

function tappedPush(this: NodeRequest, chunk: unknown, encoding?: BufferEncoding): boolean {
  const tap = this[EXCHANGE]?.requestTap;
  if (tap === undefined) return IncomingMessage.prototype.push.call(this, chunk, encoding);
  if (chunk === null) return tap.receiveEnd();
  return tap.receive(
    typeof chunk === 'string' ? Buffer.from(chunk, encoding) : (chunk as Uint8Array),
  );
}

/** Stands for `_read` while a filter holds all it may: nobody can make the socket flow. */
function heldRead(this: NodeRequest): void {
  // Reading goes on with resume().
}

export class RequestTap {
  readonly #req: NodeRequest;
  readonly #stream: HttpStream;
  readonly #push: Push;
  /** Length by which the body ends; undefined: by the parser's word, as where trailers may come. */
  readonly #length: number | undefined;
  /** Bytes that came from the client, and that went on to the app. */
  receivedBytes = 0;
  releasedBytes = 0;
  /** The client has sent everything, as far as the filters were told. */
  clientEnded = false;
  /** The filters have let the body's end pass. */
  endReleased = false;
  /** Nobody reads yet on purpose, so the app's own backpressure does not count. */
  holdsApp = false;
  #parserEnded = false;
  #endPushed = false;
  #accepted = true;
  #paused = false;
  #dropping = false;
  readonly #isInjected: boolean;
  /** Of an injected request. */
  #ownRead: NodeRequest['_read'] | undefined;

  constructor(req: NodeRequest, stream: HttpStream, declaredLength: number) {
    this.#req = req;
    this.#stream = stream;
    this.#isInjected = isInjected(req);
    // Not bound: most requests would pay for a function that is called once.
    // eslint-disable-next-line @typescript-eslint/unbound-method -- always called on the request
    this.#push = req.push as Push;
    const mayHaveTrailers = isHttp2(req) && req.headers['trailer'] !== undefined;
    this.#length = declaredLength > 0 && !mayHaveTrailers ? declaredLength : undefined;
    req.push = tappedPush as typeof req.push;
  }

  // --- from the parser --------------------------------------------------------------------------

  /** Answers false where the parser should stop reading. */
  receive(chunk: Uint8Array): boolean {
    if (this.#dropping) return true;
    this.receivedBytes += chunk.length;
    const last = this.receivedBytes === this.#length;
    if (last) this.clientEnded = true;
    this.#accepted = true;
    const before = this.releasedBytes;
    this.#stream.requestData(chunk, last);
    // Its source is asked for more only once something has got to the app.
    if (this.#isInjected && this.releasedBytes === before) process.nextTick(askForMore, this);
    return this.#mayRead();
  }

  #mayRead(): boolean {
    return this.#accepted && !this.#paused;
  }

  receiveEnd(): boolean {
    this.#parserEnded = true;
    // HTTP/2 ends a stream that was reset in the same way.
    if (this.#dropping || this.#req.destroyed || this.#req.stream?.closed === true) {
      this.#dropping = true;
      return this.#pushEnd();
    }
    if (this.endReleased) return this.#pushEnd();
    if (this.clientEnded) return false;
    this.clientEnded = true;
    const trailers = trailersOf(this.#req);
    if (trailers.length > 0) {
      this.#stream.requestTrailers(new HeaderList(trailers));
    } else {
      this.#stream.requestData(NO_BYTES, true);
    }
    return false;
  }

  /** What had come before the tap was there, now past the filters that were late. */
  replayed(bytes: number, ended: boolean): void {
    this.receivedBytes = Math.max(this.receivedBytes, bytes);
    this.releasedBytes = Math.max(0, this.releasedBytes - bytes);
    if (!ended) return;
    this.clientEnded = true;
    this.#parserEnded = true;
    this.#endPushed = false;
    this.endReleased = false;
  }

  // --- to the app -------------------------------------------------------------------------------

  release(chunk: Uint8Array, endOfStream: boolean): void {
    if (this.#dropping) return;
    this.releasedBytes += chunk.length;
    if (chunk.length > 0 && !this.#push.call(this.#req, toBuffer(chunk)) && !this.holdsApp)
      this.#accepted = false;
    if (!endOfStream) return;
    this.endReleased = true;
    // Not before the parser's own end: until then the message is not complete.
    if (this.#parserEnded) this.#pushEnd();
  }

  releaseTrailers(trailers: HeaderMap): void {
    if (this.#dropping) return;
    showTrailers(this.#req, trailers);
    this.release(NO_BYTES, true);
  }

  #pushEnd(): boolean {
    if (this.#endPushed) return false;
    this.#endPushed = true;
    return this.#push.call(this.#req, null);
  }

  // --- backpressure -----------------------------------------------------------------------------

  pause(): void {
    const req = this.#req;
    // eslint-disable-next-line @typescript-eslint/unbound-method -- put back where it was
    if (!this.#paused && this.#isInjected) this.#ownRead = req._read;
    this.#paused = true;
    req._read = heldRead;
  }

  resume(): void {
    if (!this.#paused) return;
    this.#paused = false;
    if (this.#ownRead === undefined) delete (this.#req as { _read?: unknown })._read;
    else this.#req._read = this.#ownRead;
    this.startFlow();
  }

  /** Makes bytes come even if nobody reads yet. */
  startFlow(): void {
    const req = this.#req;
    if (req.destroyed || req.stream?.closed === true || req.socket.destroyed) return;
    const consuming = req._consuming;
    req._read(0);
    if (consuming === false) req._consuming = false;
  }

  askForMore(): void {
    if (!this.#paused && !this.#parserEnded) this.startFlow();
  }

  // --- the end ----------------------------------------------------------------------------------

  /** The app has begun to read and has not come to the end. */
  get appReads(): boolean {
    const req = this.#req;
    if (this.#endPushed || req.destroyed || req._dumped === true) return false;
    return req._consuming === true || req.readableFlowing !== null;
  }

  /**
   * The response is out. What still comes is dropped, so that the connection can carry the next
   * request; an app that waits for a body which it will never get is told that it is closed.
   */
  finish(): void {
    if (this.#dropping) return;
    const req = this.#req;
    this.#dropping = true;
    if (this.#endPushed || req.destroyed) return;
    const waiting = this.appReads;
    if (this.#paused) this.resume();
    else this.startFlow();
    if (this.#parserEnded && !waiting) this.#pushEnd();
    if (!waiting) return;
    // Node's own way would close the socket: to Node an unread request is a broken connection.
    req._dumped = true;
    req._destroy = quietDestroy;
    req.destroy();
  }
}

function askForMore(tap: RequestTap): void {
  tap.askForMore();
}

function quietDestroy(_error: Error | null, callback: (error?: Error | null) => void): void {
  process.nextTick(callback);
}

/** Apps rely on Buffer's methods. */
function toBuffer(chunk: Uint8Array): Buffer {
  if (Buffer.isBuffer(chunk)) return chunk;
  return Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength);
}
