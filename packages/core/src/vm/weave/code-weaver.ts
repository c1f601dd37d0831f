import type { Added } from './added.js';
import type { ByteWriter } from './byte-writer.js';
import { CheckWriter } from './check-writer.js';
import {
  EventRow,
  FunctionRow,
  HAS_BULK,
  PatchRow,
  RegionRow,
  Target,
  type CodeFacts,
} from './code-facts.js';
import { Column } from './column.js';
import { FIRST_LOOP_UNITS, MOST_UNITS, UNITS_PER_LOOK, type Costs } from './costs.js';

const I32 = 0x7f;

/** Writes the functions of a code section again, with the checks in them. */
export class CodeWeaver {
  /** Offsets behind each insertion: in what is written, and in the module as it was. */
  readonly woven = new Column();
  readonly original = new Column();
  readonly #bytes: Uint8Array;
  readonly #facts: CodeFacts;
  readonly #costs: Costs;
  readonly #out: ByteWriter;
  readonly #checks: CheckWriter;
  /** Offset of what has not been copied yet. */
  #copied = 0;
  /** Row of the first branch with a nearer label that has not been copied yet. */
  #patch = 0;
  /** The local that holds a loop's units; behind it, if need be, the one for a length. */
  #local = 0;

  constructor(bytes: Uint8Array, facts: CodeFacts, costs: Costs, added: Added, out: ByteWriter) {
    this.#bytes = bytes;
    this.#facts = facts;
    this.#costs = costs;
    this.#out = out;
    this.#checks = new CheckWriter(out, added);
  }

  /** @param start offset of the first function; the end is that of the last */
  weave(start: number): void {
    this.#copied = start;
    this.#mark();
    const { values, count } = this.#facts.functions;
    for (let index = 0; index < count; index += 1) {
      if (this.#costs.paysForItself(index)) this.#weaveFunction(index * FunctionRow.WIDTH);
    }
    if (count > 0) {
      this.#copyUpTo(values[(count - 1) * FunctionRow.WIDTH + FunctionRow.END] as number);
    }
  }

  /** @param row where the function's begins */
  #weaveFunction(row: number): void {
    const { values } = this.#facts.functions;
    const region = values[row + FunctionRow.FIRST_REGION] as number;
    const regionsEnd = values[row + FunctionRow.WIDTH + FunctionRow.FIRST_REGION] as number;
    const loopUnits = this.#loopUnits(region + 1, regionsEnd);
    const size = this.#openFunction(row, loopUnits > 0);
    this.#checks.payAtEntry(Math.min(this.#costOf(region) + loopUnits, MOST_UNITS));
    if (loopUnits > 0) this.#checks.setLoopUnits(this.#local, loopUnits);
    this.#mark();
    this.#weaveLoops(row, region + 1, regionsEnd);
    this.#copyUpTo(values[row + FunctionRow.END] as number);
    this.#out.fillU32(size, this.#out.length - size - 5);
  }

  /** Writes the locals, and those that the checks need; answers where the function's size goes. */
  #openFunction(row: number, hasLoops: boolean): number {
    const { values } = this.#facts.functions;
    const start = values[row + FunctionRow.START] as number;
    const locals = values[row + FunctionRow.LOCALS] as number;
    const hasBulk = ((values[row + FunctionRow.SPECIAL] as number) & HAS_BULK) !== 0;
    const needed = hasBulk ? 2 : hasLoops ? 1 : 0;
    const out = this.#out;
    this.#copyUpTo(values[row + FunctionRow.ENTRY] as number);
    const size = out.reserveU32();
    this.#local = values[row + FunctionRow.LOCAL_COUNT] as number;
    if (needed === 0) out.copy(this.#bytes, locals, start);
    else {
      const [groups, behind] = readU32(this.#bytes, locals);
      out.u32(groups + 1);
      out.copy(this.#bytes, behind, start);
      out.u32(needed);
      out.byte(I32);
    }
    this.#copied = start;
    this.#mark();
    return size;
  }

  /** What the loops may use at first: each a round or more; 0: there are none. */
  #loopUnits(first: number, end: number): number {
    const { values } = this.#facts.regions;
    let units = 0;
    for (let region = first; region < end; region += 1) {
      if (values[region * RegionRow.WIDTH + RegionRow.REPEATS] !== 0) units += this.#costOf(region);
    }
    return units === 0 ? 0 : Math.min(units + FIRST_LOOP_UNITS, MOST_UNITS);
  }

  /** Writes what is in a function, up to its last loop and event, with the checks in it. */
  #weaveLoops(row: number, first: number, end: number): void {
    const { functions, events, regions } = this.#facts;
    const eventsEnd = functions.values[row + FunctionRow.WIDTH + FunctionRow.FIRST_EVENT] as number;
    let region = first;
    const isPlain = functions.values[row + FunctionRow.SPECIAL] === 0 && !this.#costs.hasCrowds;
    let event = isPlain ? eventsEnd : (functions.values[row + FunctionRow.FIRST_EVENT] as number);
    for (; event < eventsEnd; event += 1) {
      const at = event * EventRow.WIDTH;
      const from = events.values[at + EventRow.FROM] as number;
      while (
        region < end &&
        (regions.values[region * RegionRow.WIDTH + RegionRow.HEADER] as number) <= from
      ) {
        this.#weaveLoop(region);
        region += 1;
      }
      this.#weaveEvent(at);
    }
    for (; region < end; region += 1) this.#weaveLoop(region);
  }

  #weaveLoop(region: number): void {
    const { values } = this.#facts.regions;
    const row = region * RegionRow.WIDTH;
    if (values[row + RegionRow.REPEATS] === 0) return;
    this.#copyUpTo(values[row + RegionRow.HEADER] as number);
    this.#checks.payInLoop(this.#local, this.#costOf(region));
    this.#mark();
  }

  /** @param row where the event's begins */
  #weaveEvent(row: number): void {
    const { values } = this.#facts.events;
    const target = values[row + EventRow.TARGET] as number;
    const from = values[row + EventRow.FROM] as number;
    if (target === Target.LONG) {
      this.#copyUpTo(values[row + EventRow.TO] as number);
      this.#charge(UNITS_PER_LOOK);
      return;
    }
    if (this.#costs.isCrowded(values[row + EventRow.REGION] as number)) {
      this.#copyUpTo(from);
      this.#charge(this.#costs.ofEvent(target));
    }
    if (target === Target.BULK) {
      this.#copyUpTo(from);
      this.#chargeLength(values[row + EventRow.TO] as number);
    }
  }

  /** What one passage of a region's header costs. */
  #costOf(region: number): number {
    const calls = this.#costs.isCrowded(region) ? 0 : (this.#costs.calls[region] as number);
    return Math.min(Math.max((this.#costs.code[region] as number) + calls, 1), MOST_UNITS);
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
    const { values, count } = this.#facts.patches;
    const shift = this.#out.length - this.#copied;
    this.#out.copy(this.#bytes, this.#copied, end);
    this.#copied = end;
    for (; this.#patch < count * PatchRow.WIDTH; this.#patch += PatchRow.WIDTH) {
      const offset = values[this.#patch + PatchRow.OFFSET] as number;
      if (offset >= end) break;
      this.#out.replaceU32(offset + shift, values[this.#patch + PatchRow.LABEL] as number);
    }
  }

  /** Notes that code goes on here as it did there. */
  #mark(): void {
    this.woven.push(this.#out.length);
    this.original.push(this.#copied);
  }
}

/** A number that the walk has read before, and where it ends. */
function readU32(bytes: Uint8Array, offset: number): [number, number] {
  let value = 0;
  let position = offset;
  for (let factor = 1; ; factor *= 128) {
    const byte = bytes[position] as number;
    position += 1;
    value += (byte & 0x7f) * factor;
    if (byte < 0x80) return [value, position];
  }
}
