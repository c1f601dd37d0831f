/**
 * Property values as bytes. One rule for strings: a `string` is text and goes out as UTF-8; what
 * is bytes (a header's value, a stored property) is given as a `Uint8Array`, or as a string where
 * it is plain ASCII and both are the same ({@link textOfLatin1}).
 */
import { encodeBytePairs } from './pairs.js';

/** Values as properties have them. */
export type PropertyValue =
  | string
  | number
  | bigint
  | boolean
  | Uint8Array
  | Date
  | readonly PropertyValue[]
  | { readonly [key: string]: PropertyValue };

/** Deeper than any real value; stops a cycle before the stack does. */
const MAX_DEPTH = 32;

const I64_MIN = -(2n ** 63n);
const U64_MAX = 2n ** 64n - 1n;
const I64_LIMIT = 2 ** 63;
const NS_PER_MS = 1_000_000n;

const NO_BYTES = new Uint8Array(0);
// eslint-disable-next-line no-control-regex -- every ASCII character is meant
const ASCII = /^[\x00-\x7f]*$/;

/** Whether UTF-8 and one byte per character are the same for this text. */
export function isAscii(text: string): boolean {
  return ASCII.test(text);
}

/** A string of one character per byte (a header's value) as a property value. */
export function textOfLatin1(text: string): string | Uint8Array {
  return isAscii(text) ? text : Buffer.from(text, 'latin1');
}

/**
 * string: UTF-8 · number: i64 if it is an integer, else double · bigint: i64 or u64 · boolean: one
 * byte · Date: i64 nanoseconds since the epoch · object: pairs of key and value · array: pairs of
 * element and nothing; all little-endian. Undefined: the value has no such form (null, a function,
 * an invalid date, an instance of a class, a bigint of more than 64 bits, a cycle).
 */
export function encodePropertyValue(value: PropertyValue): Uint8Array | undefined {
  try {
    return encode(value, 0);
  } catch {
    return undefined; // an object of the app's that throws while it is read
  }
}

function encode(value: unknown, depth: number): Uint8Array | undefined {
  switch (typeof value) {
    case 'string':
      return Buffer.from(value, 'utf8');
    case 'number':
      return encodeNumber(value);
    case 'bigint':
      return encodeInteger(value);
    case 'boolean':
      return Uint8Array.of(value ? 1 : 0);
    case 'object':
      return value === null || depth === MAX_DEPTH ? undefined : encodeObject(value, depth + 1);
    default:
      return undefined;
  }
}

function encodeNumber(value: number): Uint8Array | undefined {
  if (Number.isInteger(value) && value >= -I64_LIMIT && value < I64_LIMIT) {
    return encodeInteger(BigInt(value));
  }
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setFloat64(0, value, true);
  return bytes;
}

function encodeInteger(value: bigint): Uint8Array | undefined {
  if (value < I64_MIN || value > U64_MAX) return undefined;
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt.asUintN(64, value), true);
  return bytes;
}

function encodeObject(value: object, depth: number): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (value instanceof Date) {
    const timeMs = value.getTime();
    return Number.isNaN(timeMs) ? undefined : encodeInteger(BigInt(timeMs) * NS_PER_MS);
  }
  if (Array.isArray(value)) {
    return encodeParts(value.map((element) => [encode(element, depth), NO_BYTES]));
  }
  if (!isPlainObject(value)) return undefined;
  const entries = Object.entries(value as Record<string, unknown>);
  return encodeParts(entries.map(([key, item]) => [Buffer.from(key), encode(item, depth)]));
}

/** Here an empty map or list is its count, 0, as in Envoy; only an empty header map is no bytes. */
function encodeParts(pairs: (Uint8Array | undefined)[][]): Uint8Array | undefined {
  const parts: Uint8Array[] = [];
  for (const part of pairs.flat()) {
    if (part === undefined) return undefined;
    parts.push(part);
  }
  return encodeBytePairs(parts);
}

/** By the length of its prototype chain, so objects of another realm count too. */
function isPlainObject(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}
