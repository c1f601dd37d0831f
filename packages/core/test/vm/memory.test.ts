import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { INVALID_VALUE, toHeaderName, toHeaderValue } from '../../src/abi/header-syntax.js';
import { GuestMemory } from '../../src/vm/memory.js';

const PAGE = 65_536;

function boundMemory(): [GuestMemory, WebAssembly.Memory] {
  const memory = new GuestMemory();
  const linear = new WebAssembly.Memory({ initial: 1 });
  memory.bind(linear);
  return [memory, linear];
}

/** Every access, with a length that makes it touch the byte before `ptr + length`. */
const ACCESSES: Record<string, (memory: GuestMemory, ptr: number, length: number) => unknown> = {
  slice: (memory, ptr, length) => memory.slice(ptr, length),
  copy: (memory, ptr, length) => memory.copy(ptr, length),
  readLatin1: (memory, ptr, length) => memory.readLatin1(ptr, length),
  readUtf8: (memory, ptr, length) => memory.readUtf8(ptr, length),
  readName: (memory, ptr, length) => memory.readName(ptr, length),
  readValue: (memory, ptr, length) => memory.readValue(ptr, length),
  readPropertyPath: (memory, ptr, length) => memory.readPropertyPath(ptr, length),
};

describe.each(Object.entries(ACCESSES))('%s', (_name, access) => {
  it('reaches to the last byte and no further', () => {
    const [memory] = boundMemory();
    expect(access(memory, PAGE - 8, 8)).toBeDefined();
    expect(access(memory, PAGE, 0)).toBeDefined();
    for (const [ptr, length] of [
      [PAGE - 7, 8],
      [PAGE, 1],
      [PAGE + 1, 0],
      [0, 0xffff_ffff],
      [0xffff_ffff, 0xffff_ffff],
      [0xffff_ffff, 0],
    ] as const) {
      expect(access(memory, ptr, length)).toBeUndefined();
    }
  });

  it('sees memory that has grown', () => {
    const [memory, linear] = boundMemory();
    expect(access(memory, PAGE, 8)).toBeUndefined();
    linear.grow(1);
    expect(access(memory, PAGE, 8)).toBeDefined();
  });

  it('is out of bounds before there is a memory', () => {
    expect(access(new GuestMemory(), 0, 1)).toBeUndefined();
  });
});

describe('writes', () => {
  it('reach to the last byte and no further', () => {
    const [memory] = boundMemory();
    expect(memory.writeU32(PAGE - 4, 1)).toBe(true);
    expect(memory.writeU32(PAGE - 3, 1)).toBe(false);
    expect(memory.writeU64(PAGE - 8, 1n)).toBe(true);
    expect(memory.writeU64(PAGE - 7, 1n)).toBe(false);
    for (const text of ['abc', 'x'.repeat(100)]) {
      expect(memory.writeLatin1(PAGE - text.length, text)).toBe(true);
      expect(memory.writeLatin1(PAGE - text.length + 1, text)).toBe(false);
      expect(memory.readLatin1(PAGE - text.length, text.length)).toBe(text);
    }
    expect(memory.writeBytes(PAGE - 2, Uint8Array.of(1, 2))).toBe(true);
    expect(memory.writeBytes(PAGE - 1, Uint8Array.of(1, 2))).toBe(false);
  });

  it('one byte per character, in both ways of writing', () => {
    const [memory] = boundMemory();
    for (const text of ['\u00e9\u00ff', '\u00e9'.repeat(100)]) {
      memory.writeLatin1(1, text);
      expect(memory.readLatin1(1, text.length)).toBe(text);
    }
  });
});

describe('cached texts', () => {
  // Few different characters and lengths, so that slots are shared and texts nearly equal.
  const near = fc.string({ unit: fc.constantFrom('a', 'A', 'b', '-', '\r'), maxLength: 12 });
  const texts = fc.array(fc.oneof(near, near, fc.string({ maxLength: 70 })), {
    minLength: 200,
    maxLength: 400,
  });

  it('are what they would be without the cache', () => {
    const [memory] = boundMemory();
    fc.assert(
      fc.property(texts, (list) => {
        for (const text of [...list, ...list]) {
          const bytes = Buffer.from(text, 'utf8');
          const latin1 = bytes.toString('latin1');
          memory.writeBytes(33, bytes);
          expect(memory.readName(33, bytes.length)).toBe(toHeaderName(latin1));
          expect(memory.readValue(33, bytes.length)).toBe(toHeaderValue(latin1));
          const path = memory.readPropertyPath(33, bytes.length);
          expect(path).toEqual(text === '' ? [] : text.replace(/\0$/, '').split('\0'));
        }
      }),
      { numRuns: 30 },
    );
  });

  it('are no name, no value where HTTP has none', () => {
    const [memory] = boundMemory();
    memory.writeLatin1(0, 'a name\n');
    expect(memory.readName(0, 6)).toBe('');
    expect(memory.readValue(0, 6)).toBe('a name');
    expect(memory.readValue(0, 7)).toBe(INVALID_VALUE);
  });

  it('of paths can’t be changed by who gets them', () => {
    const [memory] = boundMemory();
    memory.writeLatin1(0, 'node\0id');
    const path = memory.readPropertyPath(0, 7) as string[];
    expect(() => path.push('x')).toThrow(TypeError);
    expect(memory.readPropertyPath(0, 7)).toEqual(['node', 'id']);
  });
});
