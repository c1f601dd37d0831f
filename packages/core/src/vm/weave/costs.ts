/**
 * What code costs, in units of about one byte of code (a nanosecond, or less). A function or loop
 * pays for itself before it runs; what is cheap is paid for by those who call it.
 */
import { Target, type CodeFacts } from './code-facts.js';

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
  readonly #facts: CodeFacts;
  readonly #importedFunctions: number;
  /** Of each function: what it costs if it is cheap. */
  readonly #functions: Int32Array;

  constructor(facts: CodeFacts, importedFunctions: number) {
    this.#facts = facts;
    this.#importedFunctions = importedFunctions;
    this.#functions = new Int32Array(facts.functionCount).fill(UNKNOWN);
  }

  /** Whether a function of the code section has to pay for itself. */
  paysForItself(index: number): boolean {
    return this.#cheapCost(index, 0) === DEAR;
  }

  /** What the instruction of an event costs those in whose code it stands. */
  ofEvent(event: number): number {
    const target = this.#facts.target.at(event);
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
    const { start, end, firstRegion, firstEvent, repeats, target } = this.#facts;
    let cost = end.at(index) - start.at(index) + 1;
    if (cost > CHEAP_UNITS) return Infinity;
    const lastRegion = firstRegion.at(index + 1);
    for (let region = firstRegion.at(index); region < lastRegion; region += 1) {
      if (repeats.at(region) !== 0) return Infinity;
    }
    const lastEvent = firstEvent.at(index + 1);
    for (let event = firstEvent.at(index); event < lastEvent; event += 1) {
      const callee = target.at(event) - this.#importedFunctions;
      if (callee < 0) return Infinity;
      const calleeCost = this.#cheapCost(callee, depth + 1);
      if (calleeCost === DEAR) return Infinity;
      cost += calleeCost;
      if (cost > CHEAP_UNITS) return Infinity;
    }
    return cost;
  }
}
