import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodePairs } from '../../src/abi/pairs.js';
import {
  encodePropertyValue,
  textOfLatin1,
  type PropertyValue,
} from '../../src/abi/property-value.js';

const hex = (value: unknown): string | undefined => {
  const bytes = encodePropertyValue(value as PropertyValue);
  return bytes === undefined ? undefined : Buffer.from(bytes).toString('hex');
};

describe('encodePropertyValue', () => {
  it.each<[string, unknown, string]>([
    ['text as UTF-8', 'aü', '61c3bc'],
    ['empty text', '', ''],
    ['bytes', Uint8Array.of(1, 2), '0102'],
    ['true', true, '01'],
    ['false', false, '00'],
    ['an integer as i64', 258, '0201000000000000'],
    ['a negative one', -1, 'ffffffffffffffff'],
    ['-0 as 0', -0, '0000000000000000'],
    ['a fraction as double', 1.5, '000000000000f83f'],
    ['NaN as double', NaN, '000000000000f87f'],
    ['an integer beyond 64 bits as double', 1e300, '9c7500883ce4377e'],
    ['a bigint as i64', -(2n ** 63n), '0000000000000080'],
    ['a bigint as u64', 2n ** 64n - 1n, 'ffffffffffffffff'],
    ['a date as nanoseconds', new Date(1), '40420f0000000000'],
    ['an object as pairs', { a: '1' }, '01000000010000000100000061003100'],
    ['an array as pairs of element and nothing', ['a'], '010000000100000000000000610000'],
    ['an empty object', {}, '00000000'],
    ['an empty array', [], '00000000'],
    [
      'an object without prototype',
      Object.assign(Object.create(null), { a: '1' }),
      '01000000010000000100000061003100',
    ],
  ])('%s', (_what, value, expected) => {
    expect(hex(value)).toBe(expected);
  });

  it('nests', () => {
    const bytes = encodePropertyValue({ a: { b: 'c' } }) ?? new Uint8Array();
    const [key, inner] = decodePairs(bytes);
    expect(key).toBe('a');
    expect(decodePairs(Buffer.from(inner ?? '', 'latin1'))).toEqual(['b', 'c']);
  });

  const cycle: Record<string, unknown> = {};
  cycle['self'] = cycle;
  it.each<[string, unknown]>([
    ['null', null],
    ['undefined', undefined],
    ['null inside', { a: { b: null } }],
    ['undefined inside', ['a', undefined]],
    ['a function', () => 1],
    ['a symbol', Symbol('x')],
    ['an invalid date', new Date(NaN)],
    ['a bigint above 64 bits', 2n ** 64n],
    ['a bigint below 64 bits', -(2n ** 63n) - 1n],
    ['a promise', Promise.resolve('x')],
    ['a map', new Map([['a', 'b']])],
    ['a cycle', cycle],
    [
      'an object that throws',
      {
        get a(): string {
          throw new Error('no');
        },
      },
    ],
  ])('has no bytes for %s', (_what, value) => {
    expect(hex(value)).toBeUndefined();
  });

  it('never throws', () => {
    fc.assert(
      fc.property(
        fc.anything({ withBigInt: true, withDate: true, withTypedArray: true }),
        (value) => {
          expect(() => encodePropertyValue(value as PropertyValue)).not.toThrow();
        },
      ),
    );
  });
});

it('header text keeps its bytes', () => {
  expect(textOfLatin1('plain')).toBe('plain');
  const bytes = Buffer.from('grüße');
  expect(encodePropertyValue(textOfLatin1(bytes.toString('latin1')))).toEqual(bytes);
});
