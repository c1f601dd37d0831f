import type { SocketMethods } from './socket-methods.js';

/** Writes to the network one piece after the other: a TLS socket has room for one at a time. */
export class SocketWriter {
  readonly #methods: SocketMethods;
  readonly #onIdle: (error?: Error | null) => void;
  readonly #queue: Uint8Array[] = [];
  #isBusy = false;

  /** @param onIdle called whenever everything has been written, or with what failed */
  constructor(methods: SocketMethods, onIdle: (error?: Error | null) => void) {
    this.#methods = methods;
    this.#onIdle = onIdle;
  }

  get isIdle(): boolean {
    return !this.#isBusy;
  }

  write(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    if (!this.#isBusy) this.#next();
  }

  #next(): void {
    const chunk = this.#queue.shift();
    if (chunk === undefined) {
      this.#isBusy = false;
      this.#onIdle();
      return;
    }
    this.#isBusy = true;
    this.#methods.write(chunk, (error) => {
      if (error == null) {
        this.#next();
        return;
      }
      this.#queue.length = 0;
      this.#isBusy = false;
      this.#onIdle(error);
    });
  }
}
