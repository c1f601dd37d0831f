/** The walk over the code against one that others wrote: wasmparser. */
import { expect, it } from 'vitest';
import { BinaryReader, type IOperatorInformation } from 'wasmparser';

import { EventNote, Note, NOTE_LENGTH, RegionNote } from '../../../src/vm/weave/code-facts.js';
import { walkCode } from '../../../src/vm/weave/code-walker.js';
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
  const shape = readShape(bytes, sections);
  const section = sections.find(({ id }) => id === SectionId.CODE);
  const places: Places = { functions: 0, loops: [], calls: [] };
  if (section === undefined) return places;
  const content = new Cursor(bytes, section.start);
  content.u32();
  const facts = walkCode(bytes, shape, content.position, section.end);
  for (let at = facts.firstNote; at < facts.notesEnd; at += NOTE_LENGTH) {
    const kind = facts.notes[at] as number;
    if (kind > Note.REPEATING) places.calls.push(facts.notes[at + EventNote.FROM] as number);
    else if (kind === Note.FUNCTION) {
      places.functions += 1;
      at += NOTE_LENGTH; // its own region
    } else places.loops.push(facts.notes[at + RegionNote.HEADER] as number);
  }
  return places;
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
