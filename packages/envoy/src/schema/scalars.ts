/** Readers of single values, as protobuf's JSON form has them. */
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import type { ConfigNode } from '../text/config-node.js';
import { reader, type Read } from './field.js';
import { nearestOf } from './nearest.js';

export const text = reader<string>('text', (node) => {
  const value = node.scalar();
  if (typeof value === 'string') return value;
  const hint = value === undefined || value === null ? '' : '; put it in quotes';
  refuseInvalid(node.at, `must be text, but is ${node.describe()}${hint}`);
});

/** Text that is not empty. */
export const name = reader<string>('text', (node, context) => {
  const value = text(node, context);
  if (value === '') refuseInvalid(node.at, 'must not be empty');
  return value;
});

export const flag = reader<boolean>('true or false', (node) => {
  const value = node.scalar();
  if (typeof value === 'boolean') return value;
  refuseInvalid(node.at, `must be true or false, but is ${node.describe()}`);
});

/** A whole number in a range. */
export function whole(min: number, max: number): Read<number> {
  const range = min === max ? String(min) : `${String(min)} to ${String(max)}`;
  return reader(range, (node) => {
    const value = numberOf(node);
    if (Number.isInteger(value) && value >= min && value <= max) return value;
    return refuseInvalid(node.at, `must be a whole number, ${range}, but is ${node.describe()}`);
  });
}

function numberOf(node: ConfigNode): number {
  const value = node.scalar();
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d+(?:\.\d+)?(?:e[+-]?\d+)?$/i.test(value)
    ? Number(value)
    : NaN;
}

const DURATION = /^(?<sign>-?)(?<seconds>\d{1,12})(?:\.(?<fraction>\d{1,9}))?s$/;
/** What a timer takes. */
const MAX_DELAY_MS = 0x7fff_ffff;

/** A duration (`5s`, `0.25s`), in milliseconds; what is below one is rounded up. */
export const duration = reader<number>('duration', (node) => {
  const value = node.scalar();
  const groups = typeof value === 'string' ? DURATION.exec(value)?.groups : undefined;
  if (groups === undefined) {
    const expected = 'a duration in seconds, like 5s or 0.25s';
    refuseInvalid(node.at, `must be ${expected}, but is ${node.describe()}`);
  }
  const { sign, seconds = '0', fraction = '' } = groups;
  const ms = Math.ceil(Number(`${seconds}${fraction.padEnd(9, '0')}`) / 1e6);
  if (sign === '-') refuseInvalid(node.at, 'must not be below 0s');
  if (ms > MAX_DELAY_MS) {
    refuseUnsupported(
      node.at,
      `${node.describe()} is longer than this host can wait: ${String(MAX_DELAY_MS / 1000)}s`,
    );
  }
  return ms;
});

/** A duration above 0, in milliseconds. */
export const positiveDuration = reader<number>('duration above 0s', (node, context) => {
  const ms = duration(node, context);
  if (ms === 0) refuseInvalid(node.at, 'must be above 0s');
  return ms;
});

const BASE64 = /^(?:[\w+/-]{4})*(?:[\w+/-]{2}(?:==)?|[\w+/-]{3}=?)?$/;

/** `bytes`: base64, with either alphabet, as protobuf's JSON has it. */
export const bytes = reader<Uint8Array>('base64', (node, context) => {
  const value = text(node, context).replace(/\s+/g, '');
  if (!BASE64.test(value))
    refuseInvalid(node.at, 'must be base64, but has other characters, or is cut off');
  return new Uint8Array(Buffer.from(value, 'base64'));
});

/**
 * An enum: names in any case, as Envoy's reader takes them, or numbers.
 *
 * @param values by name, in the order of their numbers, from 0 on; undefined: Envoy's, but not here
 */
export function enumeration<T>(values: Readonly<Record<string, T | undefined>>): Read<T> {
  const names = Object.keys(values);
  const supported = names.filter((each) => values[each] !== undefined);
  return reader(supported.join(', '), (node) => {
    const value = node.scalar();
    const found =
      typeof value === 'number'
        ? names[value]
        : names.find((each) => each === String(value).toUpperCase());
    if (found === undefined) {
      const nearest = nearestOf(String(value), supported);
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      refuseInvalid(node.at, `must be ${supported.join(' or ')}, but is ${node.describe()}${hint}`);
    }
    const result = values[found];
    if (result !== undefined) return result;
    refuseUnsupported(
      node.at,
      `${found} is not supported; ${supported.join(', ')} ${supported.length === 1 ? 'is' : 'are'}`,
    );
  });
}

/** A flag of which this host does one thing only. */
export function always(supported: boolean, why: string): Read<boolean> {
  return reader(String(supported), (node, context) => {
    const value = flag(node, context);
    if (value !== supported)
      refuseUnsupported(node.at, `${String(value)} is not supported: ${why}`);
    return value;
  });
}

/** A map of any keys. */
export function mapOf<T>(read: Read<T>): Read<Readonly<Record<string, T>>> {
  return reader(`map: ${read.accepts ?? ''}`, (node, context) => {
    if (!node.isMap) refuseInvalid(node.at, `must be a map, but is ${node.describe()}`);
    const entries = node.entries().map(({ key, value }) => [key, read(value, context)] as const);
    return Object.fromEntries(entries);
  });
}
