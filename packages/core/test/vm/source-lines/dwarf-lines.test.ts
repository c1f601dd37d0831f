/** The reader of line tables: what they say, and what hostile ones come to. */
import { readFile } from 'node:fs/promises';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { findLines } from '../../../src/vm/source-lines/dwarf-lines.js';
import type { LineSections } from '../../../src/vm/source-lines/line-table-header.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../../support/fuzz-runs.js';

const FILTERS = new URL('../../../../conformance/filters/', import.meta.url);

const text = (value: string): number[] => [...Buffer.from(value), 0];
const u16 = (value: number): number[] => [value & 0xff, value >> 8];
const u32 = (value: number): number[] => [...u16(value & 0xffff), ...u16(value >>> 16)];
const u64 = (value: number): number[] => [...u32(value), ...u32(0)];

const setAddress = (address: number): number[] => [0, 5, 2, ...u32(address)];
const END_SEQUENCE = [0, 1, 1];
const COPY = [1];
const advancePc = (count: number): number[] => [2, count];
const advanceLine = (count: number): number[] => [3, count];
const setFile = (file: number): number[] => [4, file];
const setColumn = (column: number): number[] => [5, column];

/** `[16, 18)` is line 7, column 3; `[18, 20)` line 9. */
const PROGRAM = [
  ...[...setAddress(16), ...advanceLine(6), ...setColumn(3), ...COPY],
  ...[...advancePc(2), ...advanceLine(2), ...COPY],
  ...[...advancePc(2), ...END_SEQUENCE],
];
const OPERANDS = [0, 1, 1, 1, 1, 0, 0, 0, 1, 0, 0, 1];

interface Unit {
  version?: number;
  is64Bit?: boolean;
  tables?: number[];
  program?: number[];
  lineRange?: number;
}

const TABLES_4 = [
  ...text('src'),
  0,
  ...[...text('a.rs'), 1, 0, 0],
  ...[...text('b.rs'), 0, 0, 0],
  0,
];

function unit({ version = 4, is64Bit = false, tables = TABLES_4, ...rest }: Unit = {}): number[] {
  const { program = PROGRAM, lineRange = 14 } = rest;
  const offset = is64Bit ? u64 : u32;
  const behind = [
    ...[1, ...(version >= 4 ? [1] : []), 1, 0xfb, lineRange, OPERANDS.length + 1, ...OPERANDS],
    ...tables,
  ];
  const sizes = version >= 5 ? [4, 0] : [];
  const content = [...u16(version), ...sizes, ...offset(behind.length), ...behind, ...program];
  return [
    ...(is64Bit ? [...u32(0xffff_ffff), ...u64(content.length)] : u32(content.length)),
    ...content,
  ];
}

function lines(
  bytes: number[],
  addresses: number[],
  strings: Partial<LineSections> = {},
): unknown[] {
  const none = new Uint8Array();
  const sections = { line: Uint8Array.from(bytes), lineStrings: none, strings: none, ...strings };
  return findLines(sections, addresses).map(
    (place) => place && `${place.file}:${String(place.line)}:${String(place.column)}`,
  );
}

describe('a line table', () => {
  it.each([2, 3, 4])('of version %i tells the line of each address', (version) => {
    const bytes = unit({ version });
    expect(lines(bytes, [15, 16, 17, 18, 19, 20])).toEqual([
      ...[undefined, 'src/a.rs:7:3', 'src/a.rs:7:3'],
      ...['src/a.rs:9:3', 'src/a.rs:9:3', undefined],
    ]);
  });

  it.each([false, true])(
    'of version 5 has its texts in other sections (64 bits: %s)',
    (is64Bit) => {
      const offset = is64Bit ? u64 : u32;
      // Folders by an offset in .debug_line_str; files by one in .debug_str, with a digest.
      const folders = [1, 1, 0x1f, 2, ...offset(0), ...offset(5)];
      const files = [
        ...[3, 1, 0x0e, 2, 0x0b, 5, 0x1e, 2],
        ...[...offset(0), 0, ...new Array<number>(16).fill(7)],
        ...[...offset(2), 1, ...new Array<number>(16).fill(7)],
      ];
      const strings = {
        lineStrings: Uint8Array.from([...text('/wd!'), ...text('lib')]),
        strings: Uint8Array.from([...text('m'), ...text('util.c')]),
      };
      const bytes = unit({ version: 5, is64Bit, tables: [...folders, ...files] });
      expect(lines(bytes, [16], strings)).toEqual(['lib/util.c:7:3']);
      const first = unit({
        ...{ version: 5, is64Bit, tables: [...folders, ...files] },
        program: [...setFile(0), ...PROGRAM],
      });
      // Where the compiler ran is left out, as in version 4, which does not know it.
      expect(lines(first, [16], strings)).toEqual(['m:7:3']);
    },
  );

  it('of several units answers each address by the one that has it, and skips versions it does not know', () => {
    const other = [...setAddress(40), ...setFile(2), ...COPY, ...advancePc(1), ...END_SEQUENCE];
    const bytes = [...unit({ version: 77 }), ...unit(), ...unit({ program: other })];
    expect(lines(bytes, [40, 16])).toEqual(['b.rs:1:undefined', 'src/a.rs:7:3']);
  });

  it.each([0, 0xffff_ffff, 0xffff_fffe])(
    'does not count code that the linker has dropped to %i',
    (at) => {
      const dropped = [...setAddress(at), ...COPY, ...advancePc(100), ...END_SEQUENCE];
      expect(lines(unit({ program: [...dropped, ...PROGRAM] }), [16])).toEqual(['src/a.rs:7:3']);
    },
  );

  it('tells files in one line that can be read, whatever they are called', () => {
    const name = `a\n\u001b[31m\u202e${'x'.repeat(1000)}.rs`;
    const [place] = lines(unit({ tables: [0, ...text(name), 0, 0, 0, 0] }), [16]);
    expect(place).toMatch(/^…x+\.rs:7:3$/);
    expect(lines(unit({ tables: [0, ...text('a\nb.rs'), 0, 0, 0, 0] }), [16])).toEqual([
      'a\u{fffd}b.rs:7:3',
    ]);
  });
});

describe('a hostile line table', () => {
  const GOOD = unit();

  it.each<[string, number[]]>([
    ['a unit that is longer than its section', u32(1000)],
    ['a header that is longer than its unit', [...u32(8), ...u16(4), ...u32(0x7fff_ffff), 0, 0]],
    ['a line range of nothing', unit({ lineRange: 0 })],
    ['an opcode without operands', unit({ program: [2] })],
    ['a number without an end', unit({ program: [2, ...new Array<number>(40).fill(0xff)] })],
    ['an address of 3 bytes', unit({ program: [0, 4, 2, 1, 1, 1] })],
    ['an extended opcode that is longer than its unit', unit({ program: [0, 0x7f, 9] })],
    ['a text without an end', unit({ tables: [97, 97, 97] })],
    [
      'entries of nothing, four milliards of them',
      unit({ version: 5, tables: [0, 0xff, 0xff, 0xff, 0xff, 0x0f] }),
    ],
    ['a form that is none', unit({ version: 5, tables: [1, 1, 0x77, 1, 0] })],
    [
      'texts outside their section',
      unit({ version: 5, tables: [0, 0, 1, 1, 0x1f, 2, ...u32(900), ...u32(901)] }),
    ],
    ['a file that is not named', unit({ program: [...setFile(99), ...PROGRAM] })],
    [
      'a line below 1',
      unit({ program: [...setAddress(16), 3, 0x40, ...COPY, ...advancePc(4), ...COPY] }),
    ],
  ])('of %s knows no lines, and hides no other units’', (_what, bytes) => {
    expect(lines(bytes, [16])).toEqual([undefined]);
    const isCut = bytes.length < 12;
    expect(lines([...bytes, ...GOOD], [16])).toEqual([isCut ? undefined : 'src/a.rs:7:3']);
  });

  it('reads texts that many entries name only when they are asked for', () => {
    const entries = 20_000;
    const files = [
      1,
      1,
      0x1f,
      0xa0,
      0x9c,
      0x01,
      ...Array.from({ length: entries }, () => u32(0)).flat(),
    ];
    const lineStrings = new Uint8Array(8 << 20).fill(0x61);
    const bytes = unit({ version: 5, tables: [0, 0, ...files] });
    expect(lines(bytes, [16], { lineStrings })).toEqual([undefined]);
  });

  it(
    'never throws, whatever bytes of a real one are changed',
    async () => {
      const module = await WebAssembly.compile(
        await readFile(new URL('trap-cpp/trap-cpp.wasm', FILTERS)),
      );
      const section = (name: string): Uint8Array =>
        new Uint8Array(WebAssembly.Module.customSections(module, name)[0] ?? []);
      const original = section('.debug_line');
      const others = { lineStrings: section('.debug_line_str'), strings: section('.debug_str') };
      const addresses = Array.from({ length: 64 }, (_, index) => index * 113);
      expect(findLines({ line: original, ...others }, addresses).some(Boolean)).toBe(true);
      const change = fc.tuple(fc.nat(original.length - 1), fc.integer({ min: 0, max: 255 }));
      fc.assert(
        fc.property(fc.array(change, { minLength: 1, maxLength: 12 }), (changes) => {
          const line = original.slice();
          for (const [at, value] of changes) line[at] = value;
          for (const place of findLines({ line, ...others }, addresses)) {
            if (place === undefined) continue;
            expect(place.line).toBeGreaterThan(0);
            expect(place.file.length).toBeLessThanOrEqual(301);
          }
        }),
        { numRuns: fuzzRuns(300) },
      );
    },
    FUZZ_TIMEOUT_MS,
  );
});
