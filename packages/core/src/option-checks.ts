/**
 * Small checks that options are built from. Each takes a value and the path it was found at, and
 * throws PW_ERR_OPTIONS_INVALID naming the path, what was expected and what came.
 */
import leven from 'leven';

import { ProxyWasmError } from './errors.js';

export type Check = (value: unknown, path: string) => void;

/** Checks by option name; an absent or undefined option is fine unless its name ends the list. */
export interface Shape {
  readonly checks: Readonly<Record<string, Check>>;
  readonly required: readonly string[];
}

/** @throws ProxyWasmError PW_ERR_OPTIONS_INVALID, always */
export function refuse(path: string, expected: string, value: unknown): never {
  throw new ProxyWasmError(
    'PW_ERR_OPTIONS_INVALID',
    `${path} must be ${expected}, but is ${describe(value)}`,
  );
}

/** A value in a message: short, and no text beyond a few words (it may be a secret). */
function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === 'string') return value.length <= 24 ? JSON.stringify(value) : 'a string';
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  if (typeof value === 'bigint') return `${String(value)}n`;
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'function') return 'a function';
  if (typeof value === 'symbol') return 'a symbol';
  const kind = Object.prototype.toString.call(value).slice(8, -1);
  return kind === 'Object' ? 'an object' : `a ${kind}`;
}

/** A check from a test and the words for what it expects. */
export function expect(expected: string, accepts: (value: unknown) => boolean): Check {
  return (value, path) => {
    if (!accepts(value)) refuse(path, expected, value);
  };
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export const text = expect('a string', (value) => typeof value === 'string');
export const flag = expect('true or false', (value) => typeof value === 'boolean');
export const callable = expect('a function', (value) => typeof value === 'function');

/** A whole number from 1 on. */
export function count(unit: string): Check {
  return expect(`a whole number of ${unit} above 0`, isCount);
}

function isCount(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** {@link count}, or false for no limit. */
export function countOrFalse(unit: string): Check {
  return expect(
    `a whole number of ${unit} above 0, or false`,
    (value) => value === false || isCount(value),
  );
}

/** What a timer of Node's takes. */
export const delay = expect(
  'a whole number of milliseconds from 1 to 2147483647',
  (value) => Number.isInteger(value) && (value as number) > 0 && (value as number) <= 0x7fff_ffff,
);

export function oneOf(...values: readonly string[]): Check {
  const expected = values.map((value) => JSON.stringify(value)).join(' or ');
  return expect(expected, (value) => typeof value === 'string' && values.includes(value));
}

/** An object of any names whose values all pass `check`. */
export function recordOf(check: Check): Check {
  return (value, path) => {
    if (!isObject(value)) refuse(path, 'an object', value);
    for (const [name, entry] of Object.entries(value)) check(entry, `${path}.${name}`);
  };
}

export function arrayOf(check: Check): Check {
  return (value, path) => {
    if (!Array.isArray(value)) refuse(path, 'an array', value);
    value.forEach((entry, index) => {
      check(entry, `${path}[${String(index)}]`);
    });
  };
}

/** An object with exactly these options; one that is undefined counts as absent. */
export function shape(checks: Shape['checks'], ...required: readonly string[]): Check {
  return (value, path) => {
    if (!isObject(value)) refuse(path, 'an object', value);
    for (const [name, entry] of Object.entries(value)) {
      const check = Object.hasOwn(checks, name) ? checks[name] : undefined;
      if (check === undefined) refuseUnknown(path, name, Object.keys(checks));
      else if (entry !== undefined) check(entry, join(path, name));
    }
    for (const name of required) {
      if (value[name] === undefined) refuse(join(path, name), 'given', undefined);
    }
  };
}

function join(path: string, name: string): string {
  return path === '' ? name : `${path}.${name}`;
}

function refuseUnknown(path: string, name: string, known: readonly string[]): never {
  const nearest = nearestOf(name, known);
  const hint =
    nearest === undefined ? `the options are ${known.join(', ')}` : `did you mean ${nearest}?`;
  const message = `${join(path, name)} is not an option; ${hint}`;
  throw new ProxyWasmError('PW_ERR_OPTIONS_INVALID', message);
}

/** The known name that `name` is most likely a slip of, if one is near enough. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  const plain = (word: string): string => word.toLowerCase().replace(/[^a-z0-9]/g, '');
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(name.length / 3)) + 1;
  for (const candidate of known) {
    const distance = leven(plain(name), plain(candidate));
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}
