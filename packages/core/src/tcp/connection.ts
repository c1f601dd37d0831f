import type { Socket } from 'node:net';

import { PeerType } from '../abi/types.js';
import { connectionAttribute } from '../node/attributes.js';
import type { StreamPlugin } from '../stream/ports.js';
import type { PropertyValue } from '../vm/context.js';
import { ConnectionClose } from './connection-close.js';
import { tapSocket, type SocketMethods } from './socket-methods.js';
import { SocketWriter } from './socket-writer.js';
import { TcpStream, type ConnectionEnds } from './tcp-stream.js';
import { upstreamAttribute } from './upstream-attributes.js';

const NO_BYTES = new Uint8Array(0);
const CONNECTION = Symbol('proxy-wasm connection');
const ignore = (): void => undefined;

/** For the callback of a write that the connection's end has cut off. */
class ClosedError extends Error {
  readonly code = 'ERR_STREAM_DESTROYED';

  constructor() {
    super('the connection closed before this was written');
  }
}

type Done = (error?: Error | null) => void;
type FilteredSocket = Socket & { [CONNECTION]?: Connection };

/** A socket's connection, made when the first filter comes to it. */
export function connectionOf(socket: Socket, bufferedBodyBytes: number): Connection {
  const known = findConnection(socket);
  if (known !== undefined) return known;
  const connection = new Connection(socket, bufferedBodyBytes);
  (socket as FilteredSocket)[CONNECTION] = connection;
  return connection;
}

/** The connection of a socket that filters see. */
export function findConnection(socket: Socket): Connection | undefined {
  return (socket as FilteredSocket)[CONNECTION];
}

/**
 * A client's socket with filters between the network and who reads and writes it. The app has the
 * very same socket; what it reads has passed the filters, and so has what reaches the client.
 */
export class Connection implements ConnectionEnds {
  readonly #socket: Socket;
  readonly #methods: SocketMethods;
  readonly #writer: SocketWriter;
  readonly #close: ConnectionClose;
  readonly stream: TcpStream;
  /** A proxy's socket to the server, for attributes. */
  upstream: Socket | undefined;

  /** What comes in before the plugins have started; undefined: they have. */
  #early: Buffer[] | undefined = [];
  #onConnected: () => void = ignore;
  /** What whoever reads the socket has been given, read or not. */
  #givenBytes = 0;
  /** Whoever reads the socket would take more. */
  #isWanted = true;
  /** Filters hold as much of the direction as they may. */
  #holdsDownstream = false;
  #holdsUpstream = false;
  /** The app's write that waits until it may send more. */
  #writing: Done | undefined;
  /** The app's end that waits until it has passed the filters and all is written. */
  #ending: Done | undefined;
  #endPassed = false;
  #clientEnded = false;
  #appEnded = false;
  #endedFirst: number = PeerType.UNKNOWN;

  constructor(socket: Socket, bufferedBodyBytes: number) {
    this.#socket = socket;
    this.stream = new TcpStream(this, bufferedBodyBytes);
    socket.on('error', ignore);
    socket.once('close', () => {
      this.stream.complete(this.#closedBy());
      this.#writeFailed(new ClosedError());
    });
    this.#methods = tapSocket(socket, {
      push: (chunk) => this.#received(chunk),
      read: () => {
        this.#isWanted = true;
        this.#readMore();
      },
      write: (chunk, done) => {
        this.#write(chunk, done);
      },
      end: (done) => {
        this.#end(done);
      },
    });
    this.#writer = new SocketWriter(this.#methods, (error) => {
      this.#written(error);
    });
    this.#close = new ConnectionClose(socket, this.#methods);
  }

  /** Joins plugins to the chain; `connected` runs when the connection has passed them. */
  join(plugins: readonly StreamPlugin[], connected: () => void): void {
    const { stream } = this;
    const socket = this.#socket;
    if (stream.isOver) return;
    // Nobody else need listen while the connection waits for the filters.
    socket.removeListener('error', ignore);
    socket.on('error', ignore);
    this.#onConnected = connected;
    const early = this.#early;
    this.#early = undefined;
    // Came before these filters, and nobody has read it yet.
    const unread = bytesOf(socket.read(), socket.readableEncoding);
    this.#givenBytes -= unread.length;
    stream.join(plugins, unread);
    if (early === undefined) return;
    for (const chunk of early) stream.downstreamData(chunk, false);
    if (this.#clientEnded) stream.downstreamData(NO_BYTES, true);
    this.#readMore();
  }

  /** Whether somebody has read bytes that a filter which joins now would not see. */
  get isConsumed(): boolean {
    return this.#givenBytes > this.#socket.readableLength;
  }

  /** Whether a filter (or its failure) has closed it. */
  get isClosed(): boolean {
    return this.#close.isClosing;
  }

  // --- from the network -------------------------------------------------------------------------

  #received(chunk: Buffer | null): boolean {
    if (this.#close.isClosing) return this.#close.received(chunk);
    if (chunk === null) {
      if (this.#clientEnded) return false;
      this.#clientEnded = true;
      if (!this.#appEnded) this.#endedFirst = PeerType.REMOTE;
    }
    if (this.#early !== undefined) {
      // The one chunk that was on its way; the rest waits in the network.
      if (chunk !== null) this.#early.push(chunk);
      return false;
    }
    this.stream.downstreamData(chunk ?? NO_BYTES, chunk === null);
    return this.#mayRead;
  }

  get #mayRead(): boolean {
    return this.#isWanted && !this.#holdsDownstream && !this.#clientEnded;
  }

  #readMore(): void {
    const mayRead = this.#mayRead && this.#early === undefined;
    if (mayRead && !this.#close.isClosing && !this.#socket.destroyed) this.#methods.read();
  }

  // --- from the app -----------------------------------------------------------------------------

  #write(chunk: Uint8Array, done: Done): void {
    // As on a connection that the other side has closed: it goes nowhere.
    if (this.stream.isOver) return void done();
    this.#writing = done;
    this.stream.upstreamData(chunk, false);
    this.#settleWrite();
  }

  #end(done: Done): void {
    if (this.stream.isOver) return;
    this.#ending = done;
    this.#appEnded = true;
    if (!this.#clientEnded) this.#endedFirst = PeerType.LOCAL;
    this.stream.upstreamData(NO_BYTES, true);
  }

  #written(error?: Error | null): void {
    if (error != null) this.#writeFailed(error);
    else if (this.#close.isClosing) this.#close.flushed(this.#endPassed);
    else if (this.#endPassed) this.#finish();
    else this.#settleWrite();
  }

  /** The app's write, or its end, learns of it; what a filter had let go was nobody's any more. */
  #writeFailed(error: Error): void {
    const waiting = this.#writing ?? this.#ending;
    this.#writing = undefined;
    this.#ending = undefined;
    if (waiting === undefined) this.#socket.destroy(error);
    else waiting(error);
  }

  /** Lets the app write on, unless the network or a filter has too much already. */
  #settleWrite(): void {
    const { stream } = this;
    if (!stream.isOver && (this.#holdsUpstream || !this.#writer.isIdle)) return;
    const writing = this.#writing;
    this.#writing = undefined;
    writing?.();
  }

  #finish(): void {
    const ending = this.#ending;
    this.#ending = undefined;
    if (ending !== undefined) this.#methods.end(ending);
  }

  // --- what the stream asks ---------------------------------------------------------------------

  connected(): void {
    const connected = this.#onConnected;
    this.#onConnected = ignore;
    if (this.#socket.destroyed) return;
    this.#socket.removeListener('error', ignore);
    connected();
  }

  downstreamData(chunk: Uint8Array, endOfStream: boolean): void {
    const socket = this.#socket;
    if (chunk.length > 0 && !socket.destroyed) {
      this.#givenBytes += chunk.length;
      this.#isWanted = this.#methods.push(chunk);
    }
    if (!endOfStream || socket.destroyed) return;
    this.#methods.push(null);
    // As Node does: where nothing is left to read, this is what makes the end known.
    socket.read(0);
  }

  upstreamData(chunk: Uint8Array, endOfStream: boolean): void {
    if (chunk.length > 0) this.#writer.write(chunk);
    if (!endOfStream) return;
    this.#endPassed = true;
    if (this.#writer.isIdle) this.#finish();
  }

  setBackpressure(isDownstream: boolean, on: boolean): void {
    if (isDownstream) {
      this.#holdsDownstream = on;
      this.#readMore();
    } else {
      this.#holdsUpstream = on;
      // Not now: what the filter has let go is not written yet.
      if (!on) process.nextTick(() => this.#settleWrite());
    }
  }

  close(): void {
    if (this.#close.isClosing || this.#socket.destroyed) return;
    this.#early = undefined;
    // The app has the socket no more, or never had it; its end is all that it will hear of.
    this.#socket.on('error', ignore);
    this.#close.start(this.#clientEnded);
    if (this.#writer.isIdle) this.#close.flushed(this.#endPassed);
    process.nextTick(() => {
      this.#settleWrite();
    });
  }

  attribute(path: readonly string[]): PropertyValue | undefined {
    return path[0] === 'upstream'
      ? upstreamAttribute(this.upstream, path)
      : connectionAttribute(this.#socket, path);
  }

  // --- the end ----------------------------------------------------------------------------------

  /**
   * Who closed: the one whose end closed the connection. Where both sides end on their own (half-open
   * connections), that is the later one. @see abi.md 6.17
   */
  #closedBy(): number {
    const { errored, allowHalfOpen } = this.#socket;
    if (errored !== null) return 'syscall' in errored ? PeerType.REMOTE : PeerType.LOCAL;
    const first = this.#endedFirst;
    if (!allowHalfOpen) return first === PeerType.REMOTE ? first : PeerType.LOCAL;
    if (!this.#clientEnded || !this.#appEnded) return PeerType.LOCAL;
    return first === PeerType.LOCAL ? PeerType.REMOTE : PeerType.LOCAL;
  }
}

/** What `read` has answered; text where the app has set an encoding. */
function bytesOf(unread: unknown, encoding: BufferEncoding | null): Uint8Array {
  if (typeof unread === 'string') return Buffer.from(unread, encoding ?? 'utf8');
  return unread instanceof Uint8Array ? unread : NO_BYTES;
}
