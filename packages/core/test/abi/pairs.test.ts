import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  decodePairs,
  encodeBytePairs,
  MAX_PAIRS,
  MAX_PAIRS_BYTES,
  pairsText,
  pairsTextOffset,
} from '../../src/abi/pairs.js';

const bytesOf = (text: string): Uint8Array => Buffer.from(text, 'latin1');
const encode = (...entries: string[]): Uint8Array => encodeBytePairs(entries.map(bytesOf));

/** {a: 1, b: 22}, as abi.md 5.1 writes it out. */
const EXAMPLE = '02000000 01000000 01000000 01000000 02000000 61 00 31 00 62 00 32 32 00';

it('writes the example of the fact sheet', () => {
  const hex = Buffer.from(encode('a', '1', 'b', '22')).toString('hex');
  expect(hex).toBe(EXAMPLE.replaceAll(' ', ''));
});

describe('decodePairs', () => {
  it('keeps order, repeats, case of values and zero bytes; lower-cases names', () => {
    const entries = ['X-A', 'One', 'x-a', '', '', 'v', 'z\0z', 'a\0b'];
    expect(decodePairs(encode(...entries))).toEqual([
      'x-a',
      'One',
      'x-a',
      '',
      '',
      'v',
      'z\0z',
      'a\0b',
    ]);
  });

  it('reads a view that is part of a larger memory', () => {
    const memory = new Uint8Array(100).fill(63);
    const bytes = encode('name', 'value');
    memory.set(bytes, 33);
    expect(decodePairs(memory.subarray(33, 33 + bytes.length))).toEqual(['name', 'value']);
  });

  it.each([
    ['no bytes', ''],
    ['a lone zero byte', '00'],
    ['a zero count', '00000000'],
    ['three bytes', '010000'],
    ['no lengths', '01000000'],
    ['a count of 0xFFFFFFFF', 'ffffffff 00000000'],
    ['bytes after a zero count', '00000000 00'],
    ['a name past the end', '01000000 ff000000 00000000 00 00'],
    ['a length of 0xFFFFFFFF', '01000000 ffffffff 00000000 00 00'],
    ['a value past the end', '01000000 00000000 01000000 00 00'],
    ['no zero byte after a name', '01000000 01000000 01000000 61 62 63 00'],
    ['no zero byte after a value', '01000000 01000000 01000000 61 00 62 63'],
    ['a value without its zero byte', '01000000 01000000 01000000 61 00 62'],
    ['a byte left over', '01000000 01000000 01000000 61 00 62 00 00'],
  ])('takes %s for an empty list', (_what, hex) => {
    expect(decodePairs(Buffer.from(hex.replaceAll(' ', ''), 'hex'))).toEqual([]);
  });

  it('takes as many pairs as the limit, and no more', () => {
    const entries = (count: number) => new Array<string>(count * 2).fill('x');
    expect(decodePairs(encode(...entries(MAX_PAIRS)))).toHaveLength(MAX_PAIRS * 2);
    expect(decodePairs(encode(...entries(MAX_PAIRS + 1)))).toEqual([]);
  });

  it('takes as many bytes as the limit, and no more', () => {
    const fitting = MAX_PAIRS_BYTES - pairsTextOffset(1) - 2;
    expect(decodePairs(encode('', 'x'.repeat(fitting)))).toHaveLength(2);
    expect(decodePairs(encode('', 'x'.repeat(fitting + 1)))).toEqual([]);
  });

  it('never throws', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 64 }), (bytes) => {
        expect(decodePairs(bytes).length % 2).toBe(0);
      }),
    );
  });
});

describe('round trips', () => {
  const text = fc.string({
    unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
  });
  const entries = fc.array(fc.tuple(text, text), { maxLength: 40 }).map((list) => list.flat());
  const lowerCased = (list: string[]) =>
    list.map((part, index) => (index % 2 === 0 ? part.toLowerCase() : part));

  it('bytes', () => {
    fc.assert(
      fc.property(entries, (list) => {
        expect(decodePairs(encode(...list))).toEqual(lowerCased(list));
      }),
    );
  });

  it('the text that is written at once, behind its lengths', () => {
    fc.assert(
      fc.property(entries, (list) => {
        const bytes = encode(...list);
        const text = bytes.subarray(pairsTextOffset(list.length / 2));
        expect(Buffer.from(text).toString('latin1')).toBe(pairsText(list));
      }),
    );
  });

  it('a decoder that has lost a byte or found one answers an empty list', () => {
    const cut = fc.tuple(entries, fc.nat(), fc.boolean());
    fc.assert(
      fc.property(cut, ([list, at, add]) => {
        fc.pre(list.length > 0);
        const bytes = encode(...list);
        const changed = add
          ? Buffer.concat([bytes, Buffer.of(at % 256)])
          : bytes.subarray(0, at % bytes.length);
        expect(decodePairs(changed)).toEqual([]);
      }),
    );
  });
});
