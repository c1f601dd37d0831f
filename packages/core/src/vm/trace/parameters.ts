/** How parameters of hostcalls and callbacks are read: each takes one or two of WebAssembly's. */
import { decodePairs } from '../../abi/pairs.js';
import { parsePropertyPath } from '../../abi/property-path.js';
import type { GuestMemory } from '../memory.js';
import { describeBytes, describeLatin1 } from './text.js';
import type { TraceValue } from './tracer.js';

/** Where a parameter's value is, and how much of it is wanted. */
interface Reading {
  readonly memory: GuestMemory;
  /** Of the call, unsigned where they are i32. */
  readonly args: readonly number[];
  /** Place of the parameter's first one. */
  readonly at: number;
  readonly limitBytes: number;
}

export interface Parameter {
  readonly name: string;
  /** How many of WebAssembly's parameters it takes. */
  readonly width: 1 | 2;
  /** Whether it is where a hostcall puts what it gives, to be read when that has answered OK. */
  readonly isResult: boolean;
  readonly read: (reading: Reading) => TraceValue;
}

const OUTSIDE = '(outside the memory)';

const arg = ({ args, at }: Reading, offset = 0): number => args[at + offset] ?? 0;

/** An address and a size that are arguments. */
const given = (reading: Reading): Uint8Array | undefined =>
  reading.memory.slice(arg(reading), arg(reading, 1));

/** An address and a size that the hostcall has written. */
function returned(reading: Reading): Uint8Array | undefined {
  const { memory } = reading;
  const ptr = memory.readU32(arg(reading));
  const size = memory.readU32(arg(reading, 1));
  return ptr === undefined || size === undefined ? undefined : memory.slice(ptr, size);
}

function ofBytes(
  name: string,
  isResult: boolean,
  describe: (bytes: Uint8Array, limitBytes: number) => TraceValue,
): Parameter {
  const find = isResult ? returned : given;
  const read = (reading: Reading): TraceValue => {
    const bytes = find(reading);
    return bytes === undefined ? OUTSIDE : describe(bytes, reading.limitBytes);
  };
  return { name, width: 2, isResult, read };
}

export const bytes = (name: string): Parameter => ofBytes(name, false, describeBytes);
export const givesBytes = (name: string): Parameter => ofBytes(name, true, describeBytes);
export const pairs = (name: string): Parameter => ofBytes(name, false, describePairs);
export const givesPairs = (name: string): Parameter => ofBytes(name, true, describePairs);
export const path = (name: string): Parameter =>
  ofBytes(name, false, (given_) =>
    parsePropertyPath(Buffer.from(given_).toString('utf8')).join('.'),
  );

function describePairs(encoded: Uint8Array, limitBytes: number): TraceValue {
  const entries = decodePairs(encoded);
  const described: (readonly [string, string])[] = [];
  for (let index = 0; index < entries.length; index += 2) {
    const [name = '', value = ''] = entries.slice(index, index + 2);
    described.push([describeLatin1(name, limitBytes), describeLatin1(value, limitBytes)]);
  }
  return described;
}

function ofNumber(name: string, read: (value: number) => TraceValue): Parameter {
  return { name, width: 1, isResult: false, read: (reading) => read(arg(reading)) };
}

export const count = (name: string): Parameter => ofNumber(name, (value) => value);
export const signed = (name: string): Parameter => ofNumber(name, (value) => value | 0);
export const flag = (name: string): Parameter => ofNumber(name, (value) => value !== 0);
/** An i64: exact up to 2^53. */
export const wide = count;

/** A number that the spec has a name for; others stay numbers. */
export const named = (name: string, names: Readonly<Record<string, number>>): Parameter =>
  ofNumber(name, (value) => nameOf(names, value));

export function nameOf(names: Readonly<Record<string, number>>, value: number): TraceValue {
  return Object.keys(names).find((key) => names[key] === value) ?? value;
}

export function givesCount(name: string, names: Readonly<Record<string, number>> = {}): Parameter {
  const read = (reading: Reading): TraceValue => {
    const value = reading.memory.readU32(arg(reading));
    return value === undefined ? OUTSIDE : nameOf(names, value);
  };
  return { name, width: 1, isResult: true, read };
}

export function givesWide(name: string): Parameter {
  const read = (reading: Reading): TraceValue => {
    const found = reading.memory.slice(arg(reading), 8);
    return found === undefined ? OUTSIDE : Number(Buffer.from(found).readBigUInt64LE());
  };
  return { name, width: 1, isResult: true, read };
}

const IOVEC_BYTES = 8;
const MAX_IOVECS = 1024;

/** WASI's list of buffers to write, as one. */
export function iovecs(name: string): Parameter {
  const read = (reading: Reading): TraceValue => {
    const { memory, limitBytes } = reading;
    const parts: Uint8Array[] = [];
    let sizeBytes = 0;
    for (let index = 0; index < Math.min(arg(reading, 1), MAX_IOVECS); index += 1) {
      const at = arg(reading) + index * IOVEC_BYTES;
      const part = memory.slice(memory.readU32(at) ?? 0, memory.readU32(at + 4) ?? 0);
      if (part === undefined) continue;
      // All of them may be the whole memory: no more is copied than is shown.
      if (sizeBytes <= limitBytes) parts.push(part.subarray(0, limitBytes + 1));
      sizeBytes += part.length;
    }
    const shown = Buffer.concat(parts);
    return shown.length === sizeBytes
      ? describeBytes(shown, limitBytes)
      : `${describeBytes(shown.subarray(0, limitBytes), limitBytes)}… (${String(sizeBytes)} bytes)`;
  };
  return { name, width: 2, isResult: false, read };
}
