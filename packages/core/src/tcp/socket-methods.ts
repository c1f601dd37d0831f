/**
 * What a socket is tapped at: the methods below its stream interface, which Node calls to hand over
 * what was read and to write. They are part of Node's documented interface for those who implement
 * streams; whatever an app does with the socket (pipe, iterate, write, end) goes through them.
 */
import type { Socket } from 'node:net';

type Done = (error?: Error | null) => void;

/** Node's own methods of one socket. */
export interface SocketMethods {
  /** Hands bytes, or the end, to who reads the socket. False: enough for now. */
  push(chunk: Uint8Array | null): boolean;
  /** Starts reading from the network. */
  read(): void;
  write(chunk: Uint8Array, done: Done): void;
  /** Ends the sending side. */
  end(done: Done): void;
}

/** What is called instead. */
export interface SocketTaps {
  /** Bytes, or the end, have come from the network. False: stop reading. */
  push(chunk: Buffer | null): boolean;
  /** Whoever reads the socket wants more. */
  read(): void;
  /** Who writes waits for `done`; the chunk's memory is theirs again after it. */
  write(chunk: Uint8Array, done: Done): void;
  end(done: Done): void;
}

interface Tappable {
  push: (chunk: unknown) => boolean;
  _read: (size: number) => void;
  _write: (chunk: unknown, encoding: BufferEncoding | 'buffer', done: Done) => void;
  _writev: (chunks: readonly { chunk: unknown; encoding: BufferEncoding }[], done: Done) => void;
  _final: (done: Done) => void;
}

/** Puts taps on one socket for the rest of its life. */
export function tapSocket(socket: Socket, taps: SocketTaps): SocketMethods {
  const tapped = socket as unknown as Tappable;
  const { push, _read: read, _write: write, _final: end } = tapped;
  tapped.push = (chunk) => taps.push(chunk as Buffer | null);
  tapped._read = () => {
    taps.read();
  };
  tapped._write = (chunk, encoding, done) => {
    taps.write(bytesOf(chunk, encoding), done);
  };
  tapped._writev = (chunks, done) => {
    taps.write(Buffer.concat(chunks.map(({ chunk, encoding }) => bytesOf(chunk, encoding))), done);
  };
  tapped._final = (done) => {
    taps.end(done);
  };
  return {
    push: (chunk) => push.call(socket, chunk),
    read: () => {
      read.call(socket, 0);
    },
    write: (chunk, done) => {
      write.call(socket, chunk, 'buffer', done);
    },
    end: (done) => {
      end.call(socket, done);
    },
  };
}

/** Sockets take strings as they are written, and `buffer` as the encoding of bytes. */
function bytesOf(chunk: unknown, encoding: BufferEncoding | 'buffer'): Uint8Array {
  if (typeof chunk !== 'string') return chunk as Uint8Array;
  return Buffer.from(chunk, encoding === 'buffer' ? undefined : encoding);
}
