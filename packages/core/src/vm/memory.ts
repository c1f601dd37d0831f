/**
 * Bounds-checked access to one guest's linear memory. Every pointer and length that reaches these
 * methods is taken as hostile: reads answer `undefined` and writes `false` when any byte of the
 * range lies outside the memory; the caller turns that into INVALID_MEMORY_ACCESS.
 *
 * Views die whenever the guest grows its memory, so none is handed out for keeping: what
 * {@link GuestMemory.slice} returns is valid only until guest code runs again.
 */
import { toHeaderName, toHeaderValue } from '../abi/header-syntax.js';
import { parsePropertyPath } from '../abi/property-path.js';
import { isAscii } from '../abi/property-value.js';

/** Node's fast string paths; on every Buffer since Node 4, missing from its type declarations. */
interface StringBuffer extends Buffer {
  latin1Slice(start: number, end: number): string;
  utf8Slice(start: number, end: number): string;
  latin1Write(text: string, offset: number, length: number): number;
  utf8Write(text: string, offset: number, length: number): number;
}

const EMPTY = Buffer.alloc(0) as StringBuffer;
const EMPTY_VIEW = new DataView(new ArrayBuffer(0));

/** Below this many characters a loop beats the call into Node's C++ (measured on Node 20). */
const LOOP_WRITE_CHARACTERS = 26;

const CACHE_WORDS = 16;
const CACHED_BYTES = CACHE_WORDS * 4;

/**
 * What was made of bytes that a guest passes again and again (header names above all), found by
 * content: a slot is chosen by a hash of length, first and last word, then every byte is compared.
 * So a hit costs neither a string nor a check of it.
 */
class ContentCache<T> {
  readonly #make: (text: string) => T;
  readonly #mask: number;
  readonly #lengths: Int32Array;
  readonly #words: Int32Array;
  readonly #made: (T | undefined)[];

  /**
   * @param slots a power of two, at most 256
   * @param make what is kept of a text of one character per byte
   */
  constructor(slots: number, make: (text: string) => T) {
    this.#make = make;
    this.#mask = slots - 1;
    this.#lengths = new Int32Array(slots).fill(-1);
    this.#words = new Int32Array(slots * CACHE_WORDS);
    this.#made = new Array<T | undefined>(slots).fill(undefined);
  }

  read(bytes: StringBuffer, view: DataView, ptr: number, length: number): T {
    if (length < 4) return this.#readTiny(bytes, ptr, length);
    if (length > CACHED_BYTES) return this.#make(bytes.latin1Slice(ptr, ptr + length));
    const tail = ptr + length - 4;
    const first = view.getInt32(ptr, true);
    const last = view.getInt32(tail, true);
    const slot = (Math.imul(first ^ Math.imul(last, 31) ^ length, 0x9e3779b1) >>> 24) & this.#mask;
    if (this.#lengths[slot] === length && this.#matches(view, ptr, tail, slot * CACHE_WORDS)) {
      return this.#made[slot] as T;
    }
    return this.#store(this.#make(bytes.latin1Slice(ptr, ptr + length)), view, ptr, tail, slot);
  }

  /** Up to three bytes are their own key. */
  #readTiny(bytes: StringBuffer, ptr: number, length: number): T {
    let key = 0;
    for (let index = 0; index < length; index += 1) {
      key |= (bytes[ptr + index] as number) << (index * 8);
    }
    const slot = (Math.imul(key ^ length, 0x9e3779b1) >>> 24) & this.#mask;
    if (this.#lengths[slot] === length && this.#words[slot * CACHE_WORDS] === key) {
      return this.#made[slot] as T;
    }
    const made = this.#make(length === 0 ? '' : bytes.latin1Slice(ptr, ptr + length));
    this.#lengths[slot] = length;
    this.#words[slot * CACHE_WORDS] = key;
    this.#made[slot] = made;
    return made;
  }

  #matches(view: DataView, ptr: number, tail: number, word: number): boolean {
    const words = this.#words;
    for (; ptr < tail; ptr += 4, word += 1) {
      if (view.getInt32(ptr, true) !== words[word]) return false;
    }
    return view.getInt32(tail, true) === words[word];
  }

  #store(made: T, view: DataView, ptr: number, tail: number, slot: number): T {
    let word = slot * CACHE_WORDS;
    this.#lengths[slot] = tail + 4 - ptr;
    this.#made[slot] = made;
    for (; ptr < tail; ptr += 4, word += 1) this.#words[word] = view.getInt32(ptr, true);
    this.#words[word] = view.getInt32(tail, true);
    return made;
  }
}

/** Frozen, since the same one is handed out again. */
function toPropertyPath(text: string): readonly string[] {
  const path = isAscii(text) ? text : Buffer.from(text, 'latin1').toString('utf8');
  return Object.freeze(parsePropertyPath(path));
}

export class GuestMemory {
  #memory: WebAssembly.Memory | undefined;
  #bytes: StringBuffer = EMPTY;
  #view: DataView = EMPTY_VIEW;
  readonly #names = new ContentCache(256, toHeaderName);
  readonly #values = new ContentCache(64, toHeaderValue);
  readonly #paths = new ContentCache(64, toPropertyPath);

  /**
   * Gives the memory, once the instance exists. Until then every access is out of bounds: a bare
   * start section runs its hostcalls before the host can see an exported memory.
   */
  bind(memory: WebAssembly.Memory): void {
    this.#memory = memory;
    this.#review();
  }

  /** Size now, in bytes. */
  get sizeBytes(): number {
    return this.#current().length;
  }

  /** A detached view has length 0; that test is 30 times cheaper than comparing buffers. */
  #current(): StringBuffer {
    return this.#bytes.length === 0 ? this.#review() : this.#bytes;
  }

  #review(): StringBuffer {
    if (this.#memory === undefined) return this.#bytes;
    const { buffer } = this.#memory;
    this.#bytes = Buffer.from(buffer) as StringBuffer;
    this.#view = new DataView(buffer);
    return this.#bytes;
  }

  /** Whether all of [ptr, ptr + length) lies inside the memory. Both unsigned. */
  contains(ptr: number, length: number): boolean {
    return ptr + length <= this.#current().length;
  }

  readU32(ptr: number): number | undefined {
    return ptr + 4 <= this.#current().length ? this.#view.getUint32(ptr, true) : undefined;
  }

  writeU8(ptr: number, value: number): boolean {
    const bytes = this.#current();
    if (ptr + 1 > bytes.length) return false;
    bytes[ptr] = value;
    return true;
  }

  writeU32(ptr: number, value: number): boolean {
    if (ptr + 4 > this.#current().length) return false;
    this.#view.setUint32(ptr, value, true);
    return true;
  }

  writeU64(ptr: number, value: bigint): boolean {
    if (ptr + 8 > this.#current().length) return false;
    this.#view.setBigUint64(ptr, value, true);
    return true;
  }

  /** The bytes themselves, not a copy: valid only until guest code runs again. */
  slice(ptr: number, length: number): Uint8Array | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return bytes.subarray(ptr, ptr + length);
  }

  /** A copy that the caller may keep. */
  copy(ptr: number, length: number): Uint8Array | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return Uint8Array.prototype.slice.call(bytes, ptr, ptr + length);
  }

  /** One character per byte: header values. */
  readLatin1(ptr: number, length: number): string | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return length === 0 ? '' : bytes.latin1Slice(ptr, ptr + length);
  }

  readUtf8(ptr: number, length: number): string | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return length === 0 ? '' : bytes.utf8Slice(ptr, ptr + length);
  }

  /** A header name, lower-cased; '' where HTTP has no such name. Cached. */
  readName(ptr: number, length: number): string | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return this.#names.read(bytes, this.#view, ptr, length);
  }

  /** A header value; INVALID_VALUE where HTTP does not allow it. Cached. */
  readValue(ptr: number, length: number): string | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return this.#values.read(bytes, this.#view, ptr, length);
  }

  /** Segments of a property path, UTF-8; none of an empty one. Cached. */
  readPropertyPath(ptr: number, length: number): readonly string[] | undefined {
    const bytes = this.#current();
    if (ptr + length > bytes.length) return undefined;
    return this.#paths.read(bytes, this.#view, ptr, length);
  }

  /** Writes one byte per character. */
  writeLatin1(ptr: number, text: string): boolean {
    const bytes = this.#current();
    const { length } = text;
    if (ptr + length > bytes.length) return false;
    if (length > LOOP_WRITE_CHARACTERS) {
      bytes.latin1Write(text, ptr, length);
    } else {
      for (let index = 0; index < length; index += 1) bytes[ptr + index] = text.charCodeAt(index);
    }
    return true;
  }

  writeBytes(ptr: number, data: Uint8Array): boolean {
    const bytes = this.#current();
    if (ptr + data.length > bytes.length) return false;
    bytes.set(data, ptr);
    return true;
  }
}
