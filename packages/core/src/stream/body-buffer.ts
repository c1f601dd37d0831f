import type { GuestBuffer } from '../vm/context.js';
import { keepShape } from '../vm/kept-shape.js';
import { bytesOf, type BodyChunk } from './body-text.js';

const NO_BYTES = new Uint8Array(0);
/** Not to be changed. */
const NO_CHUNKS: BodyChunk[] = [];

/**
 * Body bytes that a filter sees or that are held for it: a list of chunks whose bytes are never
 * changed, so that the app's and Node's own buffers can be put in without a copy.
 */
export class BodyBuffer implements GuestBuffer {
  #chunks = NO_CHUNKS;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(chunk: BodyChunk): void {
    if (chunk.length === 0) return;
    if (this.#chunks.length === 0) this.#chunks = [chunk];
    else this.#chunks.push(chunk);
    this.#length += chunk.length;
  }

  /** Everything as one chunk; the buffer is empty after it. */
  take(): BodyChunk {
    const chunks = this.#chunks;
    if (chunks.length === 0) return NO_BYTES;
    const all = chunks.length === 1 ? (chunks[0] as BodyChunk) : concat(chunks, this.#length);
    this.clear();
    return all;
  }

  /** From now on the buffer has its own copy of these bytes, whose owner may change them. */
  own({ buffer: owner }: Uint8Array): void {
    const chunks = this.#chunks;
    // They came last: only what the guest has put behind them comes after.
    for (let index = chunks.length - 1, found = false; index >= 0; index -= 1) {
      const chunk = chunks[index] as BodyChunk;
      if (chunk instanceof Uint8Array && chunk.buffer === owner) {
        chunks[index] = new Uint8Array(chunk);
        found = true;
      } else if (found) {
        return;
      }
    }
  }

  clear(): void {
    this.#chunks = NO_CHUNKS;
    this.#length = 0;
  }

  copyTo(target: Uint8Array, start: number, length: number): void {
    let skip = start;
    let written = 0;
    for (const chunk of this.#chunks) {
      if (written === length) return;
      if (skip >= chunk.length) {
        skip -= chunk.length;
        continue;
      }
      const part = bytesOf(chunk).subarray(skip, Math.min(chunk.length, skip + length - written));
      target.set(part, written);
      written += part.length;
      skip = 0;
    }
  }

  set(start: number, length: number, data: Uint8Array): boolean {
    if (start === 0) {
      this.#drop(length);
      this.#prepend(data);
    } else if (start >= this.#length) {
      this.append(data);
    } else {
      return false;
    }
    return true;
  }

  #prepend(chunk: Uint8Array): void {
    if (this.#length === 0) {
      this.append(chunk);
    } else if (chunk.length > 0) {
      this.#chunks.unshift(chunk);
      this.#length += chunk.length;
    }
  }

  /** Drops the first `length` bytes, all if there are fewer. */
  #drop(length: number): void {
    if (length >= this.#length) {
      this.clear();
      return;
    }
    this.#length -= length;
    for (let left = length; left > 0;) {
      const first = bytesOf(this.#chunks[0] as BodyChunk);
      if (first.length > left) {
        this.#chunks[0] = first.subarray(left);
        return;
      }
      left -= first.length;
      this.#chunks.shift();
    }
  }
}

function concat(chunks: readonly BodyChunk[], length: number): Uint8Array {
  return Buffer.concat(chunks.map(bytesOf), length);
}

/** What a filter sees of a body outside its turn: nothing, and it can't be changed. */
export const NO_BODY: GuestBuffer = {
  length: 0,
  copyTo: () => undefined,
  set: () => false,
};

keepShape(new BodyBuffer());
