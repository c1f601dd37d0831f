import type { GuestBuffer } from '../vm/context.js';

const NO_BYTES = new Uint8Array(0);

/** Bytes that a guest may read and never change: configuration, an upstream's answer. */
export class BytesBuffer implements GuestBuffer {
  static readonly EMPTY = new BytesBuffer(NO_BYTES);
  readonly #bytes: Uint8Array;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get length(): number {
    return this.#bytes.length;
  }

  copyTo(target: Uint8Array, start: number, length: number): void {
    target.set(this.#bytes.subarray(start, start + length));
  }

  set(): boolean {
    return false;
  }
}
