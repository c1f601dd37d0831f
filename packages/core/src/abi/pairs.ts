/**
 * Pairs: how header maps, trailers, metadata and property maps cross the boundary.
 *
 *     u32 count, count × (u32 name length, u32 value length), count × (name 00 value 00)
 *
 * All little-endian; lengths without the zero bytes. An empty map going to the guest is no bytes.
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#serialization
 */

/** Node's latin1Slice works on every Uint8Array; its type declaration is missing. */
const { latin1Slice } = Buffer.prototype as unknown as {
  latin1Slice: (this: Uint8Array, start: number, end: number) => string;
};

/** What a guest may pass in cpp-host. */
export const MAX_PAIRS_BYTES = 1024 * 1024;
export const MAX_PAIRS = 1024;

/** What a guest may pass here. */
interface PairsLimits {
  readonly pairsBytes: number;
  readonly pairsEntries: number;
}

const CPP_HOST_LIMITS: PairsLimits = { pairsBytes: MAX_PAIRS_BYTES, pairsEntries: MAX_PAIRS };

const COUNT_BYTES = 4;
const LENGTHS_BYTES = 8;

/** Where the text of `count` pairs begins. */
export function pairsTextOffset(count: number): number {
  return COUNT_BYTES + LENGTHS_BYTES * count;
}

/** The text part of name, value, … (one character per byte): "name\0value\0…". */
export function pairsText(entries: readonly string[]): string {
  let text = '';
  for (let index = 0; index < entries.length; index += 1) text += `${entries[index] as string}\0`;
  return text;
}

/**
 * A guest's pairs as name, value, name, value, …: names lower-cased, one character per byte.
 * Anything malformed or over a limit is an empty list, as in cpp-host: too short, a length past
 * the end, a zero byte missing, bytes left over.
 */
export function decodePairs(bytes: Uint8Array, limits = CPP_HOST_LIMITS): string[] {
  const { length } = bytes;
  if (length < COUNT_BYTES || length > limits.pairsBytes) return [];
  const count = readU32(bytes, 0);
  let position = pairsTextOffset(count);
  if (count > limits.pairsEntries || position > length) return [];
  const text = latin1Slice.call(bytes, position, length);
  const base = position;
  const entries: string[] = [];
  for (let index = 0; index < count * 2; index += 1) {
    const size = readU32(bytes, COUNT_BYTES + index * 4);
    const end = position + size;
    if (end >= length || bytes[end] !== 0) return [];
    const part = text.substring(position - base, end - base);
    entries.push(index % 2 === 0 ? part.toLowerCase() : part);
    position = end + 1;
  }
  return position === length ? entries : [];
}

/** Pairs of name, value, … that are bytes: property maps and lists. Of none: the count, 0. */
export function encodeBytePairs(parts: readonly Uint8Array[]): Uint8Array {
  let position = pairsTextOffset(parts.length >> 1);
  const bytes = new Uint8Array(parts.reduce((sum, { length }) => sum + length + 1, position));
  const lengths = new DataView(bytes.buffer);
  lengths.setUint32(0, parts.length >> 1, true);
  parts.forEach((part, index) => {
    lengths.setUint32(COUNT_BYTES + index * 4, part.length, true);
    bytes.set(part, position);
    position += part.length + 1;
  });
  return bytes;
}

/** Reading past the end is excluded by the caller. */
function readU32(bytes: Uint8Array, at: number): number {
  const low = (bytes[at] as number) | ((bytes[at + 1] as number) << 8);
  const high = (bytes[at + 2] as number) | ((bytes[at + 3] as number) << 8);
  return low + high * 0x1_0000;
}
