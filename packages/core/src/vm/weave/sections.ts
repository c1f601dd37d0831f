import { Cursor } from './cursor.js';

export const SectionId = {
  CUSTOM: 0,
  TYPE: 1,
  IMPORT: 2,
  FUNCTION: 3,
  TABLE: 4,
  MEMORY: 5,
  GLOBAL: 6,
  EXPORT: 7,
  START: 8,
  ELEMENT: 9,
  CODE: 10,
  DATA: 11,
  DATA_COUNT: 12,
  TAG: 13,
} as const;

/** The order that sections must have; custom ones may stand anywhere. */
export const SECTION_ORDER: readonly number[] = [1, 2, 3, 4, 5, 13, 6, 7, 8, 9, 12, 10, 11];

export interface Section {
  readonly id: number;
  /** Of its name, if it is a custom one; else ''. */
  readonly name: string;
  /** Offset of its id. */
  readonly header: number;
  /** Offset of what it holds. */
  readonly start: number;
  readonly end: number;
}

const MODULE_HEADER_BYTES = 8;
const latin1 = new TextDecoder('latin1');

/** Cuts a module, whose header has been checked, into its sections. */
export function splitSections(bytes: Uint8Array): Section[] {
  const cursor = new Cursor(bytes, MODULE_HEADER_BYTES);
  const sections: Section[] = [];
  let rank = -1;
  while (cursor.position < bytes.length) {
    const section = readSection(cursor);
    sections.push(section);
    if (section.id === SectionId.CUSTOM) continue;
    const next = SECTION_ORDER.indexOf(section.id);
    if (next === -1) cursor.fail(`unknown section ${String(section.id)}`);
    if (next <= rank) cursor.fail(`section ${String(section.id)} is in the wrong place`);
    rank = next;
  }
  return sections;
}

function readSection(cursor: Cursor): Section {
  const header = cursor.position;
  const id = cursor.byte();
  const size = cursor.u32();
  const start = cursor.position;
  cursor.skip(size);
  const end = cursor.position;
  return { id, name: id === SectionId.CUSTOM ? readName(cursor, start) : '', header, start, end };
}

function readName({ bytes }: Cursor, start: number): string {
  const cursor = new Cursor(bytes, start);
  const length = cursor.u32();
  return latin1.decode(bytes.subarray(cursor.position, cursor.position + length));
}
