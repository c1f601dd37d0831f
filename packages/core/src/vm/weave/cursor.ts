/** What the weaver can not read: the module is damaged, or has what the weaver does not know. */
export class WeaveError extends Error {
  override readonly name = 'WeaveError';

  /** @param offset where in the module, bytes */
  constructor(problem: string, offset: number) {
    super(`${problem} at offset 0x${offset.toString(16)}`);
  }
}

/** Reads WebAssembly's encodings and believes nothing: the engine has not seen these bytes yet. */
export class Cursor {
  bytes: Uint8Array;
  /** Of the next byte. */
  position: number;

  constructor(bytes: Uint8Array, position = 0) {
    this.bytes = bytes;
    this.position = position;
  }

  fail(problem: string): never {
    throw new WeaveError(problem, this.position);
  }

  byte(): number {
    const byte = this.bytes[this.position];
    if (byte === undefined) this.fail('the module ends too early');
    this.position += 1;
    return byte;
  }

  /** An unsigned LEB128 of up to 32 bits. */
  u32(): number {
    const byte = this.bytes[this.position] as number;
    if (byte < 0x80) {
      this.position += 1;
      return byte;
    }
    return this.#longU32();
  }

  #longU32(): number {
    let value = 0;
    for (let factor = 1; factor <= 0x1000_0000; factor *= 128) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value <= 0xffff_ffff ? value : this.fail('a number is too large');
    }
    return this.fail('a number is too long');
  }

  /** A number below `limit`, which is how many of its kind the module has. */
  index(limit: number, kind: string): number {
    const index = this.u32();
    if (index >= limit) this.fail(`${kind} ${String(index)} does not exist`);
    return index;
  }

  /** An unsigned LEB128 of up to 64 bits; inexact above 2^53. */
  u64(): number {
    let value = 0;
    let factor = 1;
    for (let count = 0; count < 10; count += 1) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
      factor *= 128;
    }
    return this.fail('a number is too long');
  }

  /** Passes a LEB128 of either sign. */
  skipLeb(maxBytes: number): void {
    for (let count = 0; count < maxBytes; count += 1) if (this.byte() < 0x80) return;
    this.fail('a number is too long');
  }

  skip(count: number): void {
    this.position += count;
    if (this.position > this.bytes.length) this.fail('the module ends too early');
  }

  /** Passes bytes behind their length. */
  skipBlock(): void {
    this.skip(this.u32());
  }

  skipValueType(typeCount: number): void {
    const byte = this.byte();
    if (byte === REF || byte === REF_NULL) this.skipHeapType(typeCount);
    else if (byte < FIRST_TYPE_BYTE || byte > 0x7f || TYPE_PREFIXES.has(byte)) {
      this.fail(`unknown type 0x${byte.toString(16)}`);
    }
  }

  /** A type's index or the byte of an abstract one. */
  skipHeapType(typeCount: number): void {
    const byte = this.bytes[this.position] as number;
    if (byte >= 0x40 && byte < 0x80) {
      if (TYPE_PREFIXES.has(byte)) this.fail(`unknown heap type 0x${byte.toString(16)}`);
      this.position += 1;
    } else this.typeIndex(typeCount);
  }

  /** An index written as a signed number of 33 bits, as it is where a type's byte could stand. */
  typeIndex(typeCount: number): void {
    const start = this.position;
    let value = 0;
    let last: number;
    for (let factor = 1; ; factor *= 128) {
      if (this.position - start === 5) this.fail('a number is too long');
      last = this.byte();
      value += (last & 0x7f) * factor;
      if (last < 0x80) break;
    }
    if ((last & 0x40) !== 0 || value >= typeCount) this.fail('a type does not exist');
  }
}

const REF = 0x64;
const REF_NULL = 0x63;
const FIRST_TYPE_BYTE = 0x63;

/** Bytes that another type follows, in proposals that are not finished: shared, exact. */
const TYPE_PREFIXES: ReadonlySet<number> = new Set([0x62, 0x65]);
