/** What is read does not make sense; caught where the reading began. */
export class MalformedError extends Error {}

/** The longest LEB128 that a 64-bit number takes. */
const MAX_LEB_BYTES = 10;
const utf8 = new TextDecoder();

/** Reads little-endian values from bytes that nobody has checked. Throws where they end. */
export class CheckedReader {
  readonly #bytes: Uint8Array;
  readonly #end: number;
  #position: number;

  /** @param end offset that nothing is read at or beyond */
  constructor(bytes: Uint8Array, position = 0, end = bytes.length) {
    if (position > end || end > bytes.length) throw new MalformedError('a range outside the bytes');
    this.#bytes = bytes;
    this.#position = position;
    this.#end = end;
  }

  get position(): number {
    return this.#position;
  }

  /** Bytes until the end. */
  get left(): number {
    return this.#end - this.#position;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#end;
  }

  u8(): number {
    if (this.#position >= this.#end) throw new MalformedError('the end came too early');
    const value = this.#bytes[this.#position] as number;
    this.#position += 1;
    return value;
  }

  s8(): number {
    return (this.u8() << 24) >> 24;
  }

  u16(): number {
    return this.u8() | (this.u8() << 8);
  }

  u32(): number {
    return this.u16() + this.u16() * 0x1_0000;
  }

  /** Inexact above 2^53, where nothing of a module lies. */
  u64(): number {
    return this.u32() + this.u32() * 0x1_0000_0000;
  }

  /** Of 1, 2, 4 or 8 bytes. */
  unsigned(sizeBytes: number): number {
    switch (sizeBytes) {
      case 1:
        return this.u8();
      case 2:
        return this.u16();
      case 4:
        return this.u32();
      case 8:
        return this.u64();
      default:
        throw new MalformedError(`a number of ${String(sizeBytes)} bytes`);
    }
  }

  /** Inexact above 2^53. */
  uleb(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < MAX_LEB_BYTES; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    throw new MalformedError('a number that is too long');
  }

  /** Inexact above 2^53. */
  sleb(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < MAX_LEB_BYTES; count += 1) {
      const byte = this.u8();
      value += (byte & 0x7f) * factor;
      factor *= 128;
      if (byte < 0x80) return (byte & 0x40) === 0 ? value : value - factor;
    }
    throw new MalformedError('a number that is too long');
  }

  /** Text that a 0 ends. */
  string(): string {
    const start = this.#position;
    const end = this.#bytes.subarray(0, this.#end).indexOf(0, start);
    if (end === -1) throw new MalformedError('a text without an end');
    this.#position = end + 1;
    return utf8.decode(this.#bytes.subarray(start, end));
  }

  skip(sizeBytes: number): void {
    if (sizeBytes > this.left) throw new MalformedError('the end came too early');
    this.#position += sizeBytes;
  }
}
