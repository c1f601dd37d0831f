/**
 * What the walk over a module's code finds out: notes of four numbers each, in the order of the code.
 * One module has tens of thousands, so they stay in the typed array in which the walk writes them.
 */

import type { CodeMemory } from './code-memory.js';

/** What the first number of a note says; what is not negative is the index of a called function. */
export const Note = {
  /** A call of a function that is known only when it runs. */
  INDIRECT: -1,
  /** An instruction that works for as long as its operands say: seldom, so the clock is read. */
  LONG: -2,
  /** `memory.fill` or `memory.copy`: often, so the length is looked at. */
  BULK: -3,
  /** A region that pays for itself: a function's, or that of a loop to which something branches. */
  REPEATING: -4,
  /** The region of a loop to which nothing branches: no more than a block. */
  LOOP: -5,
  /**
   * A function of the code section; the next note is its region. The other numbers: offset of its size,
   * with which it begins; of its end; how many locals it has.
   */
  FUNCTION: -6,
} as const;

/** How many numbers a note has. */
export const NOTE_LENGTH = 4;

/** The others, of an event: an instruction that takes longer than its bytes tell. */
export const EventNote = {
  /** Offset of the instruction. */
  FROM: 1,
  /** Offset behind it. */
  TO: 2,
  /** Address of its region's note. */
  REGION: 3,
} as const;

/** Of a region: code that runs once each time its header is passed, and the loops in it. */
export const RegionNote = {
  /** Offset behind the header. */
  HEADER: 1,
  /** Address of the note of the region around it; of a function's of its own. */
  PARENT: 2,
  END: 3,
} as const;

/** What a function has: bits; 4, that it has loops which repeat, is found out later. */
export const HAS_BULK = 1;
export const HAS_LONG = 2;

export interface CodeFacts {
  /** Holds the module; some of its branches have got nearer labels. */
  readonly memory: CodeMemory;
  /** The notes are some of these numbers: a note's address is four times its index in them. */
  readonly notes: Int32Array;
  readonly firstNote: number;
  readonly notesEnd: number;
  /** Whether something takes memory that no limit of ours can hold (objects of the GC proposal). */
  readonly allocatesObjects: boolean;
}
