import type { Socket } from 'node:net';

import type { SocketMethods } from './socket-methods.js';

/** How long what was written may take to reach a client that reads slowly. */
const FLUSH_TIMEOUT_MS = 10_000;
/** How long the client's own end is waited for then; as Envoy's `delayed_close_timeout`. */
const LINGER_TIMEOUT_MS = 1000;

/**
 * A close by a filter: what was written goes out, then the connection ends. What the client still
 * sends is read and dropped meanwhile: to close a socket with unread bytes would reset it, and the
 * client would lose what it was sent.
 *
 * Deviates: the filters' last callbacks do not wait for it, and it takes eleven seconds at most.
 */
export class ConnectionClose {
  readonly #socket: Socket;
  readonly #methods: SocketMethods;
  #timer: NodeJS.Timeout | undefined;
  #clientEnded = false;
  #isFlushed = false;
  isClosing = false;

  constructor(socket: Socket, methods: SocketMethods) {
    this.#socket = socket;
    this.#methods = methods;
  }

  /** @param clientEnded whether the client sends no more */
  start(clientEnded: boolean): void {
    this.isClosing = true;
    this.#clientEnded = clientEnded;
    this.#destroyIn(FLUSH_TIMEOUT_MS);
    this.#socket.once('close', () => {
      clearTimeout(this.#timer);
    });
    if (!clientEnded) this.#methods.read();
  }

  /** Everything is written. @param isEnded whether the sending side has ended before */
  flushed(isEnded: boolean): void {
    if (this.#isFlushed) return;
    this.#isFlushed = true;
    const ended = (): void => {
      if (this.#clientEnded) this.#socket.destroy();
      else this.#destroyIn(LINGER_TIMEOUT_MS);
    };
    if (isEnded) ended();
    else this.#methods.end(ended);
  }

  /** Bytes, or the end, from the client. True: go on reading. */
  received(chunk: Buffer | null): boolean {
    if (chunk !== null) return true;
    this.#clientEnded = true;
    if (this.#isFlushed) this.#socket.destroy();
    return false;
  }

  #destroyIn(timeoutMs: number): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#socket.destroy(), timeoutMs);
    this.#timer.unref();
  }
}
