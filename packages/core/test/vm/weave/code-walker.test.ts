/** The walk over the code against one that others wrote: wasmparser. */
import { expect, it } from 'vitest';
import { BinaryReader, type IOperatorInformation } from 'wasmparser';

import { EventRow, FunctionRow, RegionRow, type Rows } from '../../../src/vm/weave/code-facts.js';
import { CodeWalker } from '../../../src/vm/weave/code-walker.js';
import { Cursor } from '../../../src/vm/weave/cursor.js';
import { readShape } from '../../../src/vm/weave/module-shape.js';
import { SectionId, splitSections } from '../../../src/vm/weave/sections.js';
import { exampleFilters, specimens, type Specimen } from './corpus.js';

/**
 * Where each loop's body begins, and each call and bulk operation. (Not where these end: wasmparser
 * takes a table's index for one byte, which LLVM writes in five.)
 */
interface Places {
  functions: number;
  loops: number[];
  calls: number[];
}

const END_WASM = 2;
const BEGIN_FUNCTION_BODY = 28;
const CODE_OPERATOR = 30;
const LOOP = 0x03;
const CALLS = new Set([
  ...[0x10, 0x11, 0x12, 0x13, 0x14, 0x15, 0x40],
  ...[0xfc08, 0xfc0a, 0xfc0b, 0xfc0c, 0xfc0e, 0xfc0f, 0xfc11],
]);

function placesByWasmparser(bytes: Uint8Array<ArrayBuffer>): Places {
  const reader = new BinaryReader();
  reader.setData(bytes.buffer, 0, bytes.length);
  const places: Places = { functions: 0, loops: [], calls: [] };
  for (let start = 0; reader.read(); start = reader.position) {
    const state: number = reader.state;
    if (state === -1) throw reader.error;
    if (state === END_WASM) break;
    if (state === BEGIN_FUNCTION_BODY) places.functions += 1;
    if (state !== CODE_OPERATOR) continue;
    const { code } = reader.result as IOperatorInformation;
    if ((code as number) === LOOP) places.loops.push(reader.position);
    else if (CALLS.has(code)) places.calls.push(start);
  }
  return places;
}

function placesByWalker(bytes: Uint8Array<ArrayBuffer>): Places {
  const sections = splitSections(bytes);
  const { spaces, parameterCounts } = readShape(bytes, sections);
  const section = sections.find(({ id }) => id === SectionId.CODE);
  if (section === undefined) return { functions: 0, loops: [], calls: [] };
  const content = new Cursor(bytes, section.start);
  content.u32();
  const walker = new CodeWalker(bytes, content.position, spaces);
  for (const parameterCount of parameterCounts) walker.walkFunction(parameterCount);
  const { facts } = walker;
  facts.finish();
  const { functions, regions, events } = facts;
  const own = new Set(columnOf(functions, FunctionRow.WIDTH, FunctionRow.FIRST_REGION));
  const headers = columnOf(regions, RegionRow.WIDTH, RegionRow.HEADER);
  return {
    functions: functions.count,
    loops: headers.filter((_, region) => !own.has(region)),
    calls: columnOf(events, EventRow.WIDTH, EventRow.FROM),
  };
}

function columnOf({ values, count }: Rows, width: number, column: number): number[] {
  return Array.from({ length: count }, (_, row) => values[row * width + column] as number);
}

const check = ({ name, bytes }: Specimen): void => {
  expect([name, placesByWalker(bytes)]).toEqual([name, placesByWasmparser(bytes)]);
};

it('finds what wasmparser finds in the example filters', async () => {
  const filters = await exampleFilters();
  expect(filters.length).toBeGreaterThan(6);
  filters.forEach(check);
});

it('finds what wasmparser finds in code of every kind', async () => {
  (await specimens()).forEach(check);
});
