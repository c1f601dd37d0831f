/**
 * What code costs, in units of about one byte of code (a nanosecond, or less). A function or loop
 * pays for itself before it runs; what is cheap is paid for by those who call it.
 */
import { EventNote, Note, NOTE_LENGTH, RegionNote, type CodeFacts } from './code-facts.js';

/** Units between two looks at the clock: a millisecond or a few. */
export const UNITS_PER_LOOK = 4_000_000;

/** Units that a function with loops takes for them when it is entered, beside a round of each. */
export const FIRST_LOOP_UNITS = 1024;

/** Units that its loops take when the first ones are used up. */
export const MORE_LOOP_UNITS = 65_536;

/** What a call costs beside what is called. */
const CALL_UNITS = 16;
/** A hostcall: so that the clock is read after a hundred or so. */
const HOSTCALL_UNITS = 32_768;
/** What a function may cost that does not pay for itself, all that it calls included. */
const CHEAP_UNITS = 512;
/** Bytes that `memory.fill` and `memory.copy` move per unit, once they are many. */
export const BULK_BYTES_PER_UNIT = 8;
export const BULK_MANY_BYTES = 4096;
const BULK_UNITS = BULK_MANY_BYTES / BULK_BYTES_PER_UNIT;

/** What one region can cost at most; more would not fit the counter. */
export const MOST_UNITS = 1 << 29;

const UNKNOWN = -1;
const UNDER_WAY = -2;
/** Of a function that pays for itself. */
const DEAR = 0;
const MAX_DEPTH = 100;

export class Costs {
  /** Whether there is a region for which {@link isCrowded} is true. */
  hasCrowds = false;
  readonly #facts: CodeFacts;
  readonly #importedFunctions: number;
  /** Of each function: what it costs if it is cheap. */
  readonly #functions: Int32Array;
  /** Of each function: whether a region in it pays for itself. */
  readonly #hasLoops: Uint8Array;
  /** Of each note: of a region, which region pays for it, itself or one around it. */
  readonly #payers: Int32Array;
  /** Of each note: of a region that pays, bytes of code, and what its calls cost. */
  readonly #code: Float64Array;
  readonly #calls: Float64Array;

  constructor(facts: CodeFacts, importedFunctions: number) {
    this.#facts = facts;
    this.#importedFunctions = importedFunctions;
    this.#functions = new Int32Array(facts.functions.length).fill(UNKNOWN);
    const notes = (facts.notesEnd - facts.firstNote) / NOTE_LENGTH;
    this.#payers = new Int32Array(notes);
    this.#code = new Float64Array(notes);
    this.#calls = new Float64Array(notes);
    this.#hasLoops = new Uint8Array(facts.functions.length);
    this.#addUp();
  }

  /** Whether a function of the code section has to pay for itself. */
  paysForItself(index: number): boolean {
    return this.#cheapCost(index, 0) === DEAR;
  }

  hasLoops(index: number): boolean {
    return this.#hasLoops[index] === 1;
  }

  /**
   * What one passage of a region's header costs.
   *
   * @param address of its note
   */
  ofRegion(address: number): number {
    const row = this.#rowOf(address);
    const calls = this.isCrowded(address) ? 0 : (this.#calls[row] as number);
    return Math.min(Math.max((this.#code[row] as number) + calls, 1), MOST_UNITS);
  }

  /** Whether so many calls stand in a region that each pays for itself, where it stands. */
  isCrowded(address: number): boolean {
    if (!this.hasCrowds) return false;
    const payer = this.#payers[this.#rowOf(address)] as number;
    return (this.#calls[payer] as number) > UNITS_PER_LOOK;
  }

  /** What the instruction of an event costs those in whose code it stands. */
  ofEvent(target: number): number {
    switch (target) {
      case Note.INDIRECT:
        return CHEAP_UNITS;
      case Note.LONG:
        return 0; // Makes the clock be read where it stands.
      case Note.BULK:
        return BULK_UNITS;
      default:
        return this.#ofCall(target - this.#importedFunctions);
    }
  }

  /** @param index of a function of the code section, if it is not negative */
  #ofCall(index: number): number {
    if (index < 0) return HOSTCALL_UNITS;
    const cost = this.#cheapCost(index, 0);
    return cost === DEAR ? CALL_UNITS : cost;
  }

  #rowOf(address: number): number {
    return ((address >>> 2) - this.#facts.firstNote) >>> 2;
  }

  /** Finds out who pays, and how much. */
  #addUp(): void {
    const { notes, firstNote, notesEnd } = this.#facts;
    const { REPEATING, FUNCTION } = Note;
    let index = -1;
    for (let at = firstNote; at < notesEnd; at += NOTE_LENGTH) {
      const kind = notes[at] as number;
      if (kind > REPEATING) this.#addEvent(at, kind);
      else if (kind === FUNCTION) index += 1;
      else this.#addRegion(at, kind === REPEATING, index);
    }
  }

  #addRegion(at: number, isRepeating: boolean, index: number): void {
    const { notes } = this.#facts;
    const row = this.#rowOf(at << 2);
    const parent = this.#rowOf(notes[at + RegionNote.PARENT] as number);
    const around = this.#payers[parent] as number;
    this.#payers[row] = isRepeating ? row : around;
    if (!isRepeating) return;
    const end = notes[at + RegionNote.END] as number;
    const bytes = end - (notes[at + RegionNote.HEADER] as number);
    this.#code[row] = bytes;
    if (parent === row) return;
    // What a loop pays, those around it do not.
    this.#code[around] = (this.#code[around] as number) - bytes;
    this.#hasLoops[index] = 1;
  }

  #addEvent(at: number, target: number): void {
    const region = this.#rowOf(this.#facts.notes[at + EventNote.REGION] as number);
    const payer = this.#payers[region] as number;
    const own = target - this.#importedFunctions;
    const cost =
      (this.#calls[payer] as number) + (own < 0 ? this.ofEvent(target) : this.#ofCall(own));
    this.#calls[payer] = cost;
    if (cost > UNITS_PER_LOOK) this.hasCrowds = true;
  }

  #cheapCost(index: number, depth: number): number {
    const known = this.#functions[index] as number;
    if (known >= 0) return known;
    // One that calls itself, however far around, pays for itself.
    if (known === UNDER_WAY || depth > MAX_DEPTH) return DEAR;
    this.#functions[index] = UNDER_WAY;
    const cost = this.#sum(index, depth);
    const result = cost > CHEAP_UNITS ? DEAR : cost;
    this.#functions[index] = result;
    return result;
  }

  #sum(index: number, depth: number): number {
    const { notes, notesEnd, functions } = this.#facts;
    const region = ((functions[index] as number) >>> 2) + NOTE_LENGTH;
    const end = notes[region + RegionNote.END] as number;
    let cost = end - (notes[region + RegionNote.HEADER] as number) + 1;
    if (cost > CHEAP_UNITS) return Infinity;
    for (let at = region + NOTE_LENGTH; at < notesEnd; at += NOTE_LENGTH) {
      const kind = notes[at] as number;
      if (kind === Note.FUNCTION) break;
      if (kind === Note.LOOP) continue;
      if (kind < this.#importedFunctions) return Infinity;
      const callee = this.#cheapCost(kind - this.#importedFunctions, depth + 1);
      if (callee === DEAR) return Infinity;
      cost += callee;
      if (cost > CHEAP_UNITS) return Infinity;
    }
    return cost;
  }
}
