import { encodeBytePairs } from '../../abi/pairs.js';
import { encodePropertyValue } from '../../abi/property-value.js';
import type { Cel } from './cel-library.js';

const NO_BYTES = new Uint8Array(0);
const NS_PER_S = 1_000_000_000n;

/**
 * The bytes of a CEL value, as a property's: see {@link encodePropertyValue}; a double is always
 * eight bytes of a double. Undefined: it has none (null, a type, a message).
 */
export function encodeCelValue(cel: Cel, value: unknown): Uint8Array | undefined {
  switch (typeof value) {
    case 'string':
    case 'bigint':
    case 'boolean':
      return encodePropertyValue(value);
    case 'number':
      return encodeDouble(value);
    case 'object':
      return value === null ? undefined : encodeObject(cel, value);
    default:
      return undefined;
  }
}

function encodeObject(cel: Cel, value: object): Uint8Array | undefined {
  if (value instanceof Uint8Array) return value;
  if (cel.isCelUint(value)) return encodePropertyValue(value.value);
  if (cel.isCelList(value)) {
    return encodeParts(Array.from(value, (each) => [encodeCelValue(cel, each), NO_BYTES]));
  }
  if (cel.isCelMap(value)) {
    const parts = Array.from(value, ([key, each]) => [
      encodeCelValue(cel, key),
      encodeCelValue(cel, each),
    ]);
    return encodeParts(parts);
  }
  return encodeTime((value as { message?: TimeMessage }).message);
}

function encodeParts(pairs: (Uint8Array | undefined)[][]): Uint8Array | undefined {
  const parts = pairs.flat();
  return parts.every((part) => part !== undefined) ? encodeBytePairs(parts) : undefined;
}

function encodeDouble(value: number): Uint8Array {
  const bytes = Buffer.alloc(8);
  bytes.writeDoubleLE(value);
  return bytes;
}

interface TimeMessage {
  readonly $typeName?: string;
  readonly seconds?: bigint;
  readonly nanos?: number;
}

/** A timestamp or duration, in nanoseconds. */
function encodeTime(message: TimeMessage = {}): Uint8Array | undefined {
  const { $typeName = '', seconds = 0n, nanos = 0 } = message;
  if (!/^google\.protobuf\.(?:Timestamp|Duration)$/.test($typeName)) return undefined;
  return encodePropertyValue(seconds * NS_PER_S + BigInt(nanos));
}
