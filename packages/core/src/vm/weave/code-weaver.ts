import type { Added } from './added.js';
import type { ByteWriter } from './byte-writer.js';
import { CheckWriter } from './check-writer.js';
import {
  EventNote,
  FunctionNote,
  HAS_BULK,
  Note,
  NOTE_LENGTH,
  RegionNote,
  type CodeFacts,
} from './code-facts.js';
import { Column } from './column.js';
import { FIRST_LOOP_UNITS, MOST_UNITS, UNITS_PER_LOOK, type Costs } from './costs.js';
import { makeRoomAround } from './small-loop.js';

const I32 = 0x7f;

/** Writes the functions of a code section again, with the checks in them. */
export class CodeWeaver {
  /** Offsets behind each insertion: in what is written, and in the module as it was. */
  readonly woven = new Column();
  readonly original = new Column();
  readonly #facts: CodeFacts;
  readonly #costs: Costs;
  readonly #out: ByteWriter;
  readonly #checks: CheckWriter;
  /** Offset of what has not been copied yet. */
  #copied = 0;
  /** The local that holds a loop's units; behind it, if need be, the one for a length. */
  #local = 0;

  constructor(facts: CodeFacts, costs: Costs, added: Added, out: ByteWriter) {
    this.#facts = facts;
    this.#costs = costs;
    this.#out = out;
    this.#checks = new CheckWriter(out, added);
  }

  /**
   * @param start offset of the first function
   * @param end of the last one
   */
  weave(start: number, end: number): void {
    this.#copied = start;
    this.#mark();
    const { functions } = this.#facts;
    for (let index = 0; index < functions.length; index += 1) {
      if (!this.#costs.paysForItself(index)) continue;
      this.#weaveFunction(index, (functions[index] as number) >>> 2);
    }
    this.#copyUpTo(end);
  }

  /** @param note where the function's begins */
  #weaveFunction(index: number, note: number): void {
    const { notes } = this.#facts;
    const region = note + NOTE_LENGTH;
    const special = this.#facts.special[index] as number;
    const cost = this.#costs.ofRegion(region << 2);
    const hasLoops = this.#costs.hasLoops(index);
    const loopUnits = hasLoops ? this.#loopUnits(region + NOTE_LENGTH) : 0;
    const locals = (special & HAS_BULK) !== 0 ? 2 : hasLoops ? 1 : 0;
    const size = this.#openFunction(note, notes[region + RegionNote.HEADER] as number, locals);
    this.#checks.payAtEntry(Math.min(cost + loopUnits, MOST_UNITS));
    if (hasLoops) this.#checks.setLoopUnits(this.#local, loopUnits);
    this.#mark();
    const hasEvents = special !== 0 || this.#costs.hasCrowds;
    if (hasLoops || hasEvents) this.#weaveInside(region + NOTE_LENGTH, hasEvents);
    this.#copyUpTo(notes[note + FunctionNote.END] as number);
    this.#out.fillU32(size, this.#out.length - size - 5);
  }

  /**
   * Writes the locals, and those that the checks need.
   *
   * @param start offset of the first instruction
   * @returns where the function's size goes
   */
  #openFunction(note: number, start: number, needed: number): number {
    const { notes, bytes } = this.#facts;
    const entry = notes[note + FunctionNote.ENTRY] as number;
    const locals = behindU32(bytes, entry);
    const out = this.#out;
    this.#copyUpTo(entry);
    const size = out.reserveU32();
    this.#local = notes[note + FunctionNote.LOCAL_COUNT] as number;
    if (needed === 0) out.copy(bytes, locals, start);
    else {
      out.u32(readU32(bytes, locals) + 1);
      out.copy(bytes, behindU32(bytes, locals), start);
      out.u32(needed);
      out.byte(I32);
    }
    this.#copied = start;
    this.#mark();
    return size;
  }

  /** What a function's loops may use at first: each a round or more. */
  #loopUnits(first: number): number {
    const { notes, notesEnd } = this.#facts;
    let units = FIRST_LOOP_UNITS;
    for (let at = first; at < notesEnd && notes[at] !== Note.FUNCTION; at += NOTE_LENGTH) {
      if (notes[at] === Note.REPEATING) units += this.#costs.ofRegion(at << 2);
    }
    return Math.min(units, MOST_UNITS);
  }

  /** Writes what is in a function, up to its last loop or event, with the checks in it. */
  #weaveInside(first: number, hasEvents: boolean): void {
    const { notes, notesEnd } = this.#facts;
    for (let at = first; at < notesEnd && notes[at] !== Note.FUNCTION; at += NOTE_LENGTH) {
      const kind = notes[at] as number;
      if (kind === Note.REPEATING) this.#weaveLoop(at);
      else if (hasEvents && kind !== Note.LOOP) this.#weaveEvent(at, kind);
    }
  }

  #weaveLoop(note: number): void {
    const { notes, notesEnd, bytes, spaces } = this.#facts;
    const header = notes[note + RegionNote.HEADER] as number;
    const end = notes[note + RegionNote.END] as number;
    const cost = this.#costs.ofRegion(note << 2);
    const next = note + NOTE_LENGTH;
    // Of every kind of note the second number is an offset: where what it is about begins.
    const isInnermost = next >= notesEnd || (notes[next + 1] as number) >= end;
    if (isInnermost && makeRoomAround(bytes, { header, end }, spaces, this.#local)) {
      this.#weaveSmallLoop(header, end, cost);
      return;
    }
    this.#copyUpTo(header);
    this.#checks.payInLoop(this.#local, cost);
    this.#mark();
  }

  #weaveSmallLoop(header: number, end: number, cost: number): void {
    this.#copyUpTo(header - 2);
    this.#checks.openOuterLoop(this.#local, this.#facts.bytes[header - 1] as number);
    this.#mark();
    this.#copyUpTo(header);
    this.#checks.payInSmallLoop(this.#local, cost);
    this.#mark();
    this.#copyUpTo(end);
    this.#checks.closeOuterLoop();
    this.#mark();
  }

  #weaveEvent(note: number, target: number): void {
    const { notes } = this.#facts;
    const from = notes[note + EventNote.FROM] as number;
    const to = notes[note + EventNote.TO] as number;
    if (target === Note.LONG) {
      this.#copyUpTo(to);
      this.#charge(UNITS_PER_LOOK);
      return;
    }
    if (this.#costs.isCrowded(notes[note + EventNote.REGION] as number)) {
      this.#copyUpTo(from);
      this.#charge(this.#costs.ofEvent(target));
    }
    if (target === Note.BULK) {
      this.#copyUpTo(from);
      this.#chargeLength(to);
    }
  }

  #charge(units: number): void {
    this.#checks.charge(units);
    this.#mark();
  }

  /** Around an instruction whose last operand is how many bytes it moves. */
  #chargeLength(end: number): void {
    const local = this.#local + 1;
    this.#checks.keepLength(local);
    this.#mark();
    this.#copyUpTo(end);
    this.#checks.chargeLength(local);
    this.#mark();
  }

  #copyUpTo(end: number): void {
    this.#out.copy(this.#facts.bytes, this.#copied, end);
    this.#copied = end;
  }

  /** Notes that code goes on here as it did there. */
  #mark(): void {
    this.woven.push(this.#out.length);
    this.original.push(this.#copied);
  }
}

/** A number that the walk has read before. */
function readU32(bytes: Uint8Array, offset: number): number {
  let value = 0;
  for (let at = behindU32(bytes, offset) - 1; at >= offset; at -= 1) {
    value = value * 128 + ((bytes[at] as number) & 0x7f);
  }
  return value;
}

/** Where it ends. */
function behindU32(bytes: Uint8Array, offset: number): number {
  let at = offset;
  while ((bytes[at] as number) >= 0x80) at += 1;
  return at + 1;
}
