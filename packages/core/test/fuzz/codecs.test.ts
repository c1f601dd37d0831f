/**
 * What guests serialize, changed byte by byte: seeds are in `corpus/`, one in hex on each line. Each
 * codec is compared with one that is written as the format's description reads.
 */
import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { decodePairs, encodeBytePairs, MAX_PAIRS, MAX_PAIRS_BYTES } from '../../src/abi/pairs.js';
import { parsePropertyPath } from '../../src/abi/property-path.js';
import { GuestMemory } from '../../src/vm/memory.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../support/fuzz-runs.js';

function corpus(name: string): Buffer[] {
  const text = readFileSync(new URL(`corpus/${name}.hex`, import.meta.url), 'latin1');
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').replaceAll(' ', ''));
  return lines.filter(Boolean).map((line) => Buffer.from(line === 'empty' ? '' : line, 'hex'));
}

/** A few edits: a byte set, dropped or put in, a piece doubled, the end cut off. */
const edit = fc.record({
  kind: fc.constantFrom('set', 'drop', 'insert', 'double', 'cut'),
  at: fc.nat(4096),
  byte: fc.oneof(fc.constantFrom(0, 1, 2, 0x7f, 0x80, 0xff), fc.integer({ min: 0, max: 255 })),
});

function mutate(
  seed: Buffer,
  edits: readonly { kind: string; at: number; byte: number }[],
): Buffer {
  let bytes = seed;
  for (const { kind, at: anywhere, byte } of edits) {
    const at = bytes.length === 0 ? 0 : anywhere % (bytes.length + 1);
    const before = bytes.subarray(0, at);
    const after = bytes.subarray(at);
    if (kind === 'set') bytes = Buffer.concat([before, Buffer.from([byte]), after.subarray(1)]);
    else if (kind === 'drop') bytes = Buffer.concat([before, after.subarray(1)]);
    else if (kind === 'insert') bytes = Buffer.concat([before, Buffer.from([byte]), after]);
    else if (kind === 'double') bytes = Buffer.concat([bytes, before]);
    else bytes = before;
  }
  return bytes;
}

const mutated = (name: string): fc.Arbitrary<Buffer> =>
  fc.oneof(
    fc
      .tuple(fc.constantFrom(...corpus(name)), fc.array(edit, { maxLength: 6 }))
      .map(([seed, edits]) => mutate(seed, edits)),
    fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
  );

/** By the format's description, step by step; undefined where the bytes do not follow it. */
function describedPairs(bytes: Buffer): string[] | undefined {
  if (bytes.length < 4 || bytes.length > MAX_PAIRS_BYTES) return undefined;
  const count = bytes.readUInt32LE(0);
  if (count > MAX_PAIRS || bytes.length < 4 + 8 * count) return undefined;
  const parts: string[] = [];
  let at = 4 + 8 * count;
  for (let part = 0; part < 2 * count; part += 1) {
    const size = bytes.readUInt32LE(4 + 4 * part);
    if (at + size + 1 > bytes.length || bytes[at + size] !== 0) return undefined;
    const text = bytes.toString('latin1', at, at + size);
    parts.push(part % 2 === 0 ? text.toLowerCase() : text);
    at += size + 1;
  }
  return at === bytes.length ? parts : undefined;
}

describe('pairs', () => {
  it(
    'of any bytes are what the format says, or none',
    () => {
      fc.assert(
        fc.property(mutated('pairs'), (bytes) => {
          const decoded = decodePairs(bytes);
          expect(decoded).toEqual(describedPairs(bytes) ?? []);
          const again = encodeBytePairs(decoded.map((part) => Buffer.from(part, 'latin1')));
          expect(decodePairs(again)).toEqual(decoded);
        }),
        { numRuns: fuzzRuns(2000) },
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  it('of the corpus are all read but those that are marked', () => {
    const read = corpus('pairs').map((bytes) => describedPairs(bytes) !== undefined);
    expect(read).toContain(true);
    expect(read).toContain(false);
  });
});

describe('property paths', () => {
  const memory = new WebAssembly.Memory({ initial: 1 });
  const guestMemory = new GuestMemory();
  guestMemory.bind(memory);
  const PAGE = 65_536;

  it(
    'anywhere in the memory are split at zero bytes, the last of which means nothing',
    () => {
      const place = fc.oneof(
        fc.nat(PAGE),
        fc.constantFrom(0, PAGE - 1, PAGE, PAGE + 1, 0xffff_ffff),
      );
      fc.assert(
        fc.property(mutated('paths'), place, (bytes, ptr) => {
          const fits = ptr + bytes.length <= PAGE;
          if (fits) new Uint8Array(memory.buffer).set(bytes, ptr);
          const path = guestMemory.readPropertyPath(ptr, bytes.length);
          if (!fits) {
            expect(path).toBeUndefined();
            return;
          }
          const text = bytes.toString('utf8');
          const trimmed = text.endsWith('\0') ? text.slice(0, -1) : text;
          const expected = text === '' ? [] : trimmed.split('\0');
          expect(path).toEqual(expected);
          expect(parsePropertyPath(text)).toEqual(expected);
        }),
        { numRuns: fuzzRuns(2000) },
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});
