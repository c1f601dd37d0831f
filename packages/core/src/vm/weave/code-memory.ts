/** The memory that `walk.wat` works in, and the instance that does. */
import { Cursor } from './cursor.js';
import { KINDS } from './instructions.js';
import type { ModuleShape } from './module-shape.js';
import { WALK_CODE } from './walk-code.js';

const PAGE_BYTES = 65_536;
/** Zeros behind the module, for what is read beyond the end of a damaged one. */
const ZEROS = 64;

/**
 * Bytes that the walk may need for each byte of a function: two notes where it has only three; a label
 * for each block of two; a target for each byte of a table.
 */
const NOTE_BYTES = 11;
const LABEL_BYTES = 2;
const TARGET_BYTES = 4;

/** What `walk.wat` exports. */
export interface WalkExports {
  /** See {@link Walked}. */
  readonly run: () => number;
  /** No dispatching loop is open any more. */
  readonly forget: () => void;
  readonly at: WebAssembly.Global<'i32'>;
  readonly notesEnd: WebAssembly.Global<'i32'>;
  readonly notesLimit: WebAssembly.Global<'i32'>;
  readonly entered: WebAssembly.Global<'i32'>;
  readonly functionEnd: WebAssembly.Global<'i32'>;
  readonly locals: WebAssembly.Global<'i32'>;
  readonly depth: WebAssembly.Global<'i32'>;
  readonly region: WebAssembly.Global<'i32'>;
  readonly dispatch: WebAssembly.Global<'i32'>;
  readonly blocksEnd: WebAssembly.Global<'i32'>;
}

/** What `run` answers. */
export const Walked = {
  ALL: 0,
  /** At `at` is something to be looked at closer. */
  RARE: 1,
  /** There is no more room for notes. */
  FULL: 2,
} as const;

let module: WebAssembly.Module | undefined;

/** Where things are, by address. */
interface Layout {
  readonly kinds: number;
  readonly bodies: number;
  readonly labels: number;
  readonly targets: number;
  readonly notes: number;
  /** Bytes that the notes of one function can take. */
  readonly room: number;
}

export class CodeMemory {
  readonly walk: WalkExports;
  /** Of the code section. */
  readonly end: number;
  /** A copy of the module, in which the walk changes labels. */
  bytes!: Uint8Array;
  /** The whole memory. */
  numbers!: Int32Array;
  /** Of each function of the code section: first how many parameters it has, then its note. */
  functions!: Int32Array;
  /** Of each open label: the address of its note if it is a loop's, else -1. */
  labels!: Int32Array;
  readonly #memory: WebAssembly.Memory;
  readonly #layout: Layout;
  readonly #moduleBytes: number;
  readonly #functionCount: number;

  /**
   * @param start offset behind the number of functions
   * @param end of the code section
   * @throws WeaveError
   */
  constructor(bytes: Uint8Array, shape: ModuleShape, start: number, end: number) {
    const { spaces, parameterCounts } = shape;
    const bodyCount = parameterCounts.length;
    this.end = end;
    this.#moduleBytes = bytes.length;
    this.#functionCount = bodyCount;
    this.#layout = layOut(bytes.length, bodyCount, largestFunction(bytes, start, bodyCount));
    const { notes, room } = this.#layout;
    this.#memory = new WebAssembly.Memory({ initial: pagesOf(notes + room) });
    this.#view();
    this.bytes.set(bytes);
    new Uint8Array(this.#memory.buffer, this.#layout.kinds).set(KINDS);
    this.functions.set(parameterCounts);
    module ??= new WebAssembly.Module(Buffer.from(WALK_CODE, 'base64'));
    const host = { memory: this.#memory, bodyCount, end, ...spaces, ...this.#layout };
    this.walk = new WebAssembly.Instance(module, { host }).exports as unknown as WalkExports;
    this.walk.at.value = start;
    this.walk.notesEnd.value = notes;
    this.#limit();
  }

  /** Index of the first note among the numbers. */
  get firstNote(): number {
    return this.#layout.notes / 4;
  }

  /** Makes room for the notes of as much code as there were notes of, and a function. */
  grow(): void {
    const used = this.walk.notesEnd.value - this.#layout.notes;
    this.#memory.grow(pagesOf(used + this.#layout.room));
    this.#view();
    this.#limit();
  }

  #limit(): void {
    this.walk.notesLimit.value = this.#memory.buffer.byteLength;
  }

  #view(): void {
    const { buffer } = this.#memory;
    const { bodies, labels, targets } = this.#layout;
    this.bytes = new Uint8Array(buffer, 0, this.#moduleBytes);
    this.numbers = new Int32Array(buffer);
    this.functions = new Int32Array(buffer, bodies, this.#functionCount);
    this.labels = new Int32Array(buffer, labels, (targets - labels) / 4);
  }
}

function layOut(moduleBytes: number, bodyCount: number, largest: number): Layout {
  const kinds = align(moduleBytes + ZEROS);
  const bodies = kinds + KINDS.length;
  const labels = align(bodies + bodyCount * 4);
  const targets = align(labels + largest * LABEL_BYTES + ZEROS);
  const notes = align(targets + largest * TARGET_BYTES + ZEROS);
  return { kinds, bodies, labels, targets, notes, room: largest * NOTE_BYTES + ZEROS };
}

/** How many bytes the largest function has, its size included. */
function largestFunction(bytes: Uint8Array, start: number, count: number): number {
  const cursor = new Cursor(bytes, start);
  let largest = 0;
  for (let index = 0; index < count; index += 1) {
    const entry = cursor.position;
    cursor.skipBlock();
    largest = Math.max(largest, cursor.position - entry);
  }
  return largest;
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function align(offset: number): number {
  return Math.ceil(offset / 16) * 16;
}
