/** The memory that the WebAssembly part of the weaver works in, and the instance that does. */
import { KINDS } from './instructions.js';
import type { ModuleShape } from './module-shape.js';
import { makeRoomAround } from './small-loop.js';
import { UNITS } from './units.js';
import { WEAVER_CODE } from './weaver-code.js';

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

/** Bytes that are written at most in one place for checks, and marks there. */
const CHECK_BYTES = 64;
const MARKS = 3;

/** What `wat/` exports. */
export interface WeaverExports {
  readonly largestFunction: (start: number) => number;
  /** See {@link Walked}. */
  readonly run: () => number;
  /** No dispatching loop is open any more. */
  readonly forget: () => void;
  /** Answers in how many places checks can be written, at most. */
  readonly addUp: (toCosts: number) => number;
  readonly weave: (
    start: number,
    out: number,
    shift: number,
    marks: number,
    toOriginal: number,
    units: number,
    look: number,
    charge: number,
    refill: number,
  ) => void;
  readonly labels: WebAssembly.Global<'i32'>;
  readonly targets: WebAssembly.Global<'i32'>;
  readonly room: WebAssembly.Global<'i32'>;
  readonly firstNote: WebAssembly.Global<'i32'>;
  readonly notesEnd: WebAssembly.Global<'i32'>;
  readonly notesLimit: WebAssembly.Global<'i32'>;
  readonly at: WebAssembly.Global<'i32'>;
  readonly entered: WebAssembly.Global<'i32'>;
  readonly functionEnd: WebAssembly.Global<'i32'>;
  readonly locals: WebAssembly.Global<'i32'>;
  readonly depth: WebAssembly.Global<'i32'>;
  readonly region: WebAssembly.Global<'i32'>;
  readonly dispatch: WebAssembly.Global<'i32'>;
  readonly blocksEnd: WebAssembly.Global<'i32'>;
  readonly out: WebAssembly.Global<'i32'>;
  readonly marksEnd: WebAssembly.Global<'i32'>;
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

/** Where woven code goes, by address. */
interface Target {
  readonly out: number;
  readonly marks: number;
  /** From a mark's offset in the woven module to that in the module as it was. */
  readonly toOriginal: number;
}

export class CodeMemory {
  readonly weaver: WeaverExports;
  readonly shape: ModuleShape;
  /** Of the first function. */
  readonly start: number;
  /** Of the code section. */
  readonly end: number;
  /** A copy of the code, at the place that it has in the module; labels in it are changed. */
  bytes!: Uint8Array;
  /** The whole memory. */
  numbers!: Int32Array;
  /** Of each function of the code section: first how many parameters it has, then its note. */
  functions!: Int32Array;
  /** Of each: what it has, as code-facts.ts says. */
  flags!: Uint8Array;
  readonly #memory: WebAssembly.Memory;
  readonly #moduleBytes: number;
  readonly #bodies: number;
  readonly #flags: number;

  /**
   * @param start offset behind the number of functions
   * @param end of the code section
   */
  constructor(bytes: Uint8Array, shape: ModuleShape, start: number, end: number) {
    const bodyCount = shape.parameterCounts.length;
    this.shape = shape;
    this.start = start;
    this.end = end;
    this.#moduleBytes = bytes.length;
    const kinds = align(bytes.length + ZEROS);
    this.#bodies = kinds + KINDS.length;
    const cheapCosts = this.#bodies + bodyCount * 4;
    this.#flags = cheapCosts + bodyCount * 4;
    const labels = align(this.#flags + bodyCount);
    this.#memory = new WebAssembly.Memory({ initial: pagesOf(labels) });
    this.#view();
    this.bytes.set(bytes.subarray(start, end), start);
    new Uint8Array(this.#memory.buffer, kinds).set(KINDS);
    this.functions.set(shape.parameterCounts);
    this.weaver = this.#instantiate({
      ...{ kinds, bodies: this.#bodies, cheapCosts, flags: this.#flags, bodyCount, end },
      ...{ ...shape.spaces, importedFunctions: shape.importedFunctions, ...UNITS },
    });
    this.#layOut(labels);
  }

  #instantiate(numbers: Readonly<Record<string, number>>): WeaverExports {
    module ??= new WebAssembly.Module(Buffer.from(WEAVER_CODE, 'base64'));
    const host = {
      ...numbers,
      memory: this.#memory,
      makeRoomAround: (header: number, end: number, localCount: number): number =>
        Number(makeRoomAround(this.bytes, { header, end }, this.shape.spaces, localCount)),
    };
    return new WebAssembly.Instance(module, { host }).exports as unknown as WeaverExports;
  }

  /** Makes room for what the walk needs, as much as the largest function says. */
  #layOut(labels: number): void {
    const { weaver } = this;
    const largest = weaver.largestFunction(this.start);
    const targets = align(labels + largest * LABEL_BYTES + ZEROS);
    const notes = align(targets + largest * TARGET_BYTES + ZEROS);
    weaver.labels.value = labels;
    weaver.targets.value = targets;
    weaver.room.value = largest * NOTE_BYTES + ZEROS;
    weaver.firstNote.value = notes;
    weaver.notesEnd.value = notes;
    weaver.at.value = this.start;
    this.#limit(notes + weaver.room.value);
  }

  /** Makes room for the notes of as much code as there were notes of, and a function. */
  grow(): void {
    const { notesEnd, firstNote, room } = this.weaver;
    this.#limit(notesEnd.value * 2 - firstNote.value + room.value);
  }

  #limit(size: number): void {
    this.#reach(size);
    this.weaver.notesLimit.value = this.#memory.buffer.byteLength;
  }

  /** Makes room for the woven code, behind the notes and what it costs to run. */
  prepareTarget(): Target {
    const { weaver } = this;
    const costs = weaver.notesEnd.value;
    const notes = costs - weaver.firstNote.value;
    this.#reach(costs + notes);
    const places = weaver.addUp(notes);
    const marks = costs + notes;
    const toOriginal = places * MARKS * 4;
    const out = marks + toOriginal * 2;
    this.#reach(out + (this.end - this.start) + places * CHECK_BYTES + ZEROS);
    return { out, marks, toOriginal };
  }

  /** Makes the memory at least so large. */
  #reach(size: number): void {
    const missing = size - this.#memory.buffer.byteLength;
    if (missing <= 0) return;
    this.#memory.grow(pagesOf(missing));
    this.#view();
  }

  #view(): void {
    const { buffer } = this.#memory;
    const bodyCount = this.shape.parameterCounts.length;
    this.bytes = new Uint8Array(buffer, 0, this.#moduleBytes);
    this.numbers = new Int32Array(buffer);
    this.functions = new Int32Array(buffer, this.#bodies, bodyCount);
    this.flags = new Uint8Array(buffer, this.#flags, bodyCount);
  }
}

function pagesOf(bytes: number): number {
  return Math.ceil(bytes / PAGE_BYTES);
}

function align(offset: number): number {
  return Math.ceil(offset / 16) * 16;
}
