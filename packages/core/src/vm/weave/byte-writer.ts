import { Op } from './op.js';

const { I32_CONST } = Op;
/** Below it, copying byte by byte is cheaper than a view. */
const SHORT_BYTES = 48;
const PADDED_BYTES = 5;

/** Writes WebAssembly's encodings. */
export class ByteWriter {
  length = 0;
  #bytes: Uint8Array<ArrayBuffer>;

  constructor(capacity = 256) {
    this.#bytes = new Uint8Array(capacity);
  }

  /** What was written; a view. */
  view(): Uint8Array<ArrayBuffer> {
    return this.#bytes.subarray(0, this.length);
  }

  byte(value: number): void {
    this.#ensure(1);
    this.#bytes[this.length] = value;
    this.length += 1;
  }

  write(values: Uint8Array | readonly number[]): void {
    this.#ensure(values.length);
    this.#bytes.set(values, this.length);
    this.length += values.length;
  }

  /** An instruction, and the index that follows it. */
  op(opcode: number, index: number): void {
    this.byte(opcode);
    this.u32(index);
  }

  /** The instruction that gives a number of 32 bits. */
  number(value: number): void {
    this.byte(I32_CONST);
    this.s32(value);
  }

  u32(value: number): void {
    let rest = value;
    while (rest > 0x7f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>>= 7;
    }
    this.byte(rest);
  }

  /** A signed number of 32 bits. */
  s32(value: number): void {
    let rest = value | 0;
    while (rest < -0x40 || rest > 0x3f) {
      this.byte((rest & 0x7f) | 0x80);
      rest >>= 7;
    }
    this.byte(rest & 0x7f);
  }

  string(text: string): void {
    const bytes = Buffer.from(text, 'utf8');
    this.u32(bytes.length);
    this.copy(bytes, 0, bytes.length);
  }

  copy(source: Uint8Array, from: number, to: number): void {
    const count = to - from;
    this.#ensure(count);
    if (count > SHORT_BYTES) this.#bytes.set(source.subarray(from, to), this.length);
    else {
      const target = this.#bytes;
      const shift = this.length - from;
      for (let index = from; index < to; index += 1)
        target[index + shift] = source[index] as number;
    }
    this.length += count;
  }

  /** Leaves room for a number that is known later; answers where. */
  reserveU32(): number {
    const at = this.length;
    this.#ensure(PADDED_BYTES);
    this.length += PADDED_BYTES;
    return at;
  }

  /** Writes a number, padded to the room that was left for it. */
  fillU32(at: number, value: number): void {
    const bytes = this.#bytes;
    bytes[at] = value | 0x80;
    bytes[at + 1] = (value >>> 7) | 0x80;
    bytes[at + 2] = (value >>> 14) | 0x80;
    bytes[at + 3] = (value >>> 21) | 0x80;
    bytes[at + 4] = value >>> 28;
  }

  #ensure(count: number): void {
    const needed = this.length + count;
    if (needed <= this.#bytes.length) return;
    const larger = new Uint8Array(Math.max(needed, this.#bytes.length * 2));
    larger.set(this.#bytes.subarray(0, this.length));
    this.#bytes = larger;
  }
}
