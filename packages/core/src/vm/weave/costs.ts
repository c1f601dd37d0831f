/**
 * What code costs, in units of about one byte of code (a nanosecond, or less). A function or loop
 * pays for itself before it runs; what is cheap is paid for by those who call it.
 */
import { EventRow, FunctionRow, RegionRow, Target, type CodeFacts } from './code-facts.js';

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
  /** Of each region: the one that pays for it, itself or one around it. */
  readonly payer: Int32Array;
  /** Of each that pays: bytes of code, and what its calls cost. */
  readonly code: Float64Array;
  readonly calls: Float64Array;
  /** Whether there is one for which {@link isCrowded} is true. */
  hasCrowds = false;
  readonly #facts: CodeFacts;
  readonly #importedFunctions: number;
  /** Of each function: what it costs if it is cheap. */
  readonly #functions: Int32Array;

  constructor(facts: CodeFacts, importedFunctions: number) {
    this.#facts = facts;
    this.#importedFunctions = importedFunctions;
    this.#functions = new Int32Array(facts.functions.count).fill(UNKNOWN);
    this.payer = new Int32Array(facts.regions.count);
    this.code = new Float64Array(facts.regions.count);
    this.calls = new Float64Array(facts.regions.count);
    this.#addUp();
  }

  /** Whether a function of the code section has to pay for itself. */
  paysForItself(index: number): boolean {
    return this.#cheapCost(index, 0) === DEAR;
  }

  /** Whether so many calls stand in a region that each pays for itself, where it stands. */
  isCrowded(region: number): boolean {
    return (this.calls[this.payer[region] as number] as number) > UNITS_PER_LOOK;
  }

  /** What the instruction of an event costs those in whose code it stands. */
  ofEvent(target: number): number {
    switch (target) {
      case Target.INDIRECT:
        return CHEAP_UNITS;
      case Target.LONG:
        return 0; // Makes the clock be read where it stands.
      case Target.BULK:
        return BULK_UNITS;
      default:
        return target < this.#importedFunctions ? HOSTCALL_UNITS : this.#ofCall(target);
    }
  }

  #ofCall(target: number): number {
    const cost = this.#cheapCost(target - this.#importedFunctions, 0);
    return cost === DEAR ? CALL_UNITS : cost;
  }

  /** Finds out who pays, and how much. */
  #addUp(): void {
    const { regions, events } = this.#facts;
    const { payer, code, calls } = this;
    for (let region = 0; region < regions.count; region += 1) {
      const row = region * RegionRow.WIDTH;
      const parent = regions.values[row + RegionRow.PARENT] as number;
      const isOwn = parent === region || regions.values[row + RegionRow.REPEATS] !== 0;
      const paying = isOwn ? region : (payer[parent] as number);
      payer[region] = paying;
      code[paying] = (code[paying] as number) + (regions.values[row + RegionRow.SIZE] as number);
    }
    for (let event = 0; event < events.count; event += 1) {
      const row = event * EventRow.WIDTH;
      const paying = payer[events.values[row + EventRow.REGION] as number] as number;
      const cost = this.ofEvent(events.values[row + EventRow.TARGET] as number);
      calls[paying] = (calls[paying] as number) + cost;
      if ((calls[paying] as number) > UNITS_PER_LOOK) this.hasCrowds = true;
    }
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
    const { functions, regions, events } = this.#facts;
    const row = index * FunctionRow.WIDTH;
    const own = functions.values;
    let cost =
      (own[row + FunctionRow.END] as number) - (own[row + FunctionRow.START] as number) + 1;
    if (cost > CHEAP_UNITS) return Infinity;
    const next = row + FunctionRow.WIDTH;
    const lastRegion = own[next + FunctionRow.FIRST_REGION] as number;
    let region = own[row + FunctionRow.FIRST_REGION] as number;
    for (; region < lastRegion; region += 1) {
      if (regions.values[region * RegionRow.WIDTH + RegionRow.REPEATS] !== 0) return Infinity;
    }
    const lastEvent = own[next + FunctionRow.FIRST_EVENT] as number;
    let event = own[row + FunctionRow.FIRST_EVENT] as number;
    for (; event < lastEvent; event += 1) {
      const target = events.values[event * EventRow.WIDTH + EventRow.TARGET] as number;
      if (target < this.#importedFunctions) return Infinity;
      const calleeCost = this.#cheapCost(target - this.#importedFunctions, depth + 1);
      if (calleeCost === DEAR) return Infinity;
      cost += calleeCost;
      if (cost > CHEAP_UNITS) return Infinity;
    }
    return cost;
  }
}
