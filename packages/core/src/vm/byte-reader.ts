const utf8 = new TextDecoder();

/** Reads WebAssembly's binary encodings, from bytes that the engine has validated. */
export class ByteReader {
  readonly #bytes: Uint8Array;
  #position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.#bytes = bytes;
    this.#position = position;
  }

  /** The next byte; 0 past the end. */
  readByte(): number {
    const byte = this.#bytes[this.#position] ?? 0;
    this.#position += 1;
    return byte;
  }

  /** An unsigned LEB128 of up to 64 bits; inexact above 2^53, where no limit of ours reaches. */
  readUnsigned(): number {
    let value = 0;
    let factor = 1;
    for (;;) {
      const byte = this.readByte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
  }

  /** UTF-8 behind its length. */
  readString(): string {
    const length = this.readUnsigned();
    const text = utf8.decode(this.#bytes.subarray(this.#position, this.#position + length));
    this.#position += length;
    return text;
  }

  skipString(): void {
    const length = this.readUnsigned();
    this.#position += length;
  }
}
