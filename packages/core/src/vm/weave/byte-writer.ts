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
    this.#bytes.set(source.subarray(from, to), this.length);
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
