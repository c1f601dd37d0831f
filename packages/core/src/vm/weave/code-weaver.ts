import { chargeFunction, lookFunction, refillFunction, type Added } from './added.js';
import type { ByteWriter } from './byte-writer.js';
import { Column, Target, type CodeFacts } from './code-facts.js';
import {
  BULK_BYTES_PER_UNIT,
  BULK_MANY_BYTES,
  FIRST_LOOP_UNITS,
  MOST_UNITS,
  UNITS_PER_LOOK,
  type Costs,
} from './costs.js';
import { Op } from './op.js';

const I32 = 0x7f;
const NO_BLOCK_TYPE = 0x40;

/** Writes the functions of a code section again, with the checks in them. */
export class CodeWeaver {
  /** Offsets behind each insertion: in what is written, and in the module as it was. */
  readonly woven = new Column();
  readonly original = new Column();
  readonly #bytes: Uint8Array;
  readonly #facts: CodeFacts;
  readonly #costs: Costs;
  readonly #added: Added;
  readonly #out: ByteWriter;
  /** Offset of what has not been copied yet. */
  #copied = 0;
  /** Of the branches that get a nearer label: the first that has not been copied yet. */
  #patch = 0;
  /** Of each region of the function: the one that pays for it, and what that pays. */
  #payer: number[] = [];
  #cost: number[] = [];
  /** Of each region of the function: what its calls cost. */
  #callCost: number[] = [];
  #firstRegion = 0;
  /** The local that holds a loop's units; behind it, if need be, the one for a length. */
  #local = 0;

  constructor(bytes: Uint8Array, facts: CodeFacts, costs: Costs, added: Added, out: ByteWriter) {
    this.#bytes = bytes;
    this.#facts = facts;
    this.#costs = costs;
    this.#added = added;
    this.#out = out;
  }

  /** @param start offset of the first function; the end is that of the last */
  weave(start: number): void {
    this.#copied = start;
    this.#mark();
    const { functionCount } = this.#facts;
    for (let index = 0; index < functionCount; index += 1) {
      if (this.#costs.paysForItself(index)) this.#weaveFunction(index);
    }
    if (functionCount > 0) this.#copyUpTo(this.#facts.end.at(functionCount - 1));
  }

  #weaveFunction(index: number): void {
    const facts = this.#facts;
    this.#count(index);
    const hasLoops = this.#payer.some((payer, region) => region > 0 && payer === region);
    const size = this.#openFunction(index);
    let region = this.#firstRegion;
    const lastRegion = facts.firstRegion.at(index + 1);
    const lastEvent = facts.firstEvent.at(index + 1);
    for (let event = facts.firstEvent.at(index); event < lastEvent; event += 1) {
      for (; region < lastRegion && facts.header.at(region) <= facts.from.at(event); region += 1) {
        this.#weaveRegion(region, hasLoops);
      }
      this.#weaveEvent(event);
    }
    for (; region < lastRegion; region += 1) this.#weaveRegion(region, hasLoops);
    this.#copyUpTo(facts.end.at(index));
    this.#out.fillU32(size, this.#out.length - size - 5);
  }

  /** Adds up what the function's regions cost. */
  #count(index: number): void {
    const { firstRegion, firstEvent, repeats, parent, size, region } = this.#facts;
    const first = firstRegion.at(index);
    const count = firstRegion.at(index + 1) - first;
    this.#firstRegion = first;
    this.#payer = [];
    this.#cost = new Array<number>(count).fill(0);
    this.#callCost = new Array<number>(count).fill(0);
    for (let row = 0; row < count; row += 1) {
      const isOwn = row === 0 || repeats.at(first + row) !== 0;
      const payer = isOwn ? row : (this.#payer[parent.at(first + row) - first] as number);
      this.#payer.push(payer);
      this.#cost[payer] = (this.#cost[payer] as number) + size.at(first + row);
    }
    const lastEvent = firstEvent.at(index + 1);
    for (let event = firstEvent.at(index); event < lastEvent; event += 1) {
      const payer = this.#payer[region.at(event) - first] as number;
      this.#callCost[payer] = (this.#callCost[payer] as number) + this.#costs.ofEvent(event);
    }
  }

  /** Writes locals and one or two more; answers where the function's size goes. */
  #openFunction(index: number): number {
    const { entry, locals, start, localCount, firstEvent, target } = this.#facts;
    const first = locals.at(index);
    this.#copyUpTo(entry.at(index));
    const out = this.#out;
    const size = out.reserveU32();
    let needed = 1;
    for (let event = firstEvent.at(index); event < firstEvent.at(index + 1); event += 1) {
      if (target.at(event) === Target.BULK) needed = 2;
    }
    this.#local = localCount.at(index);
    const [groups, behind] = readU32(this.#bytes, first);
    out.u32(groups + 1);
    out.copy(this.#bytes, behind, start.at(index));
    out.u32(needed);
    out.byte(I32);
    this.#copied = start.at(index);
    this.#mark();
    return size;
  }

  #weaveRegion(region: number, hasLoops: boolean): void {
    const row = region - this.#firstRegion;
    if (this.#payer[row] !== row) return;
    this.#copyUpTo(this.#facts.header.at(region));
    const cost = this.#costOf(row);
    if (row === 0) this.#payAtEntry(cost, hasLoops ? this.#firstUnits() : 0);
    else this.#payInLoop(cost);
    this.#mark();
  }

  /** Whether so many calls stand in a region that each pays for itself, where it stands. */
  #isCrowded(row: number): boolean {
    return (this.#callCost[row] as number) > UNITS_PER_LOOK;
  }

  #weaveEvent(event: number): void {
    const { region, target, from, to } = this.#facts;
    const row = this.#payer[region.at(event) - this.#firstRegion] as number;
    const kind = target.at(event);
    if (this.#isCrowded(row) && kind !== Target.LONG) {
      this.#copyUpTo(from.at(event));
      this.#charge(this.#costs.ofEvent(event));
    }
    if (kind === Target.LONG) {
      this.#copyUpTo(to.at(event));
      this.#charge(UNITS_PER_LOOK);
    } else if (kind === Target.BULK) {
      this.#copyUpTo(from.at(event));
      this.#chargeLength(to.at(event));
    }
  }

  /** What the loops may use at first: each a round or more, as the loops of Go's functions do. */
  #firstUnits(): number {
    let units = FIRST_LOOP_UNITS;
    for (let row = 1; row < this.#payer.length; row += 1) {
      if (this.#payer[row] === row) units += this.#costOf(row);
    }
    return Math.min(units, MOST_UNITS);
  }

  /** What one passage of a region's header costs. */
  #costOf(row: number): number {
    const calls = this.#isCrowded(row) ? 0 : (this.#callCost[row] as number);
    return Math.min(Math.max((this.#cost[row] as number) + calls, 1), MOST_UNITS);
  }

  /** @param loopUnits what the function's loops get; 0: there are none */
  #payAtEntry(cost: number, loopUnits: number): void {
    const out = this.#out;
    const { units } = this.#added;
    out.byte(Op.GLOBAL_GET);
    out.u32(units);
    out.byte(Op.I32_CONST);
    out.s32(Math.min(cost + loopUnits, MOST_UNITS));
    out.write([Op.I32_SUB, Op.LOCAL_TEE]);
    out.u32(this.#local);
    out.byte(Op.GLOBAL_SET);
    out.u32(units);
    out.byte(Op.LOCAL_GET);
    out.u32(this.#local);
    out.write([Op.I32_CONST, 0, Op.I32_LT_S, Op.IF, NO_BLOCK_TYPE, Op.CALL]);
    out.u32(lookFunction(this.#added));
    out.byte(Op.END);
    if (loopUnits === 0) return;
    out.byte(Op.I32_CONST);
    out.s32(loopUnits);
    out.byte(Op.LOCAL_SET);
    out.u32(this.#local);
  }

  #payInLoop(cost: number): void {
    const out = this.#out;
    out.byte(Op.LOCAL_GET);
    out.u32(this.#local);
    out.byte(Op.I32_CONST);
    out.s32(cost);
    out.write([Op.I32_SUB, Op.LOCAL_TEE]);
    out.u32(this.#local);
    out.write([Op.I32_CONST, 0, Op.I32_LT_S, Op.IF, NO_BLOCK_TYPE, Op.LOCAL_GET]);
    out.u32(this.#local);
    out.byte(Op.CALL);
    out.u32(refillFunction(this.#added));
    out.byte(Op.LOCAL_SET);
    out.u32(this.#local);
    out.byte(Op.END);
  }

  #charge(units: number): void {
    const out = this.#out;
    out.byte(Op.I32_CONST);
    out.s32(units);
    out.byte(Op.CALL);
    out.u32(chargeFunction(this.#added));
    this.#mark();
  }

  /** Around an instruction whose last operand is how many bytes it moves. */
  #chargeLength(end: number): void {
    const out = this.#out;
    const length = this.#local + 1;
    out.byte(Op.LOCAL_TEE);
    out.u32(length);
    this.#mark();
    this.#copyUpTo(end);
    out.byte(Op.LOCAL_GET);
    out.u32(length);
    out.byte(Op.I32_CONST);
    out.s32(BULK_MANY_BYTES);
    out.write([Op.I32_GE_U, Op.IF, NO_BLOCK_TYPE, Op.LOCAL_GET]);
    out.u32(length);
    out.write([Op.I32_CONST, Math.log2(BULK_BYTES_PER_UNIT), Op.I32_SHR_U, Op.CALL]);
    out.u32(chargeFunction(this.#added));
    out.byte(Op.END);
    this.#mark();
  }

  #copyUpTo(end: number): void {
    const { patchAt, patchLabel } = this.#facts;
    const shift = this.#out.length - this.#copied;
    this.#out.copy(this.#bytes, this.#copied, end);
    this.#copied = end;
    for (; this.#patch < patchAt.length && patchAt.at(this.#patch) < end; this.#patch += 1) {
      this.#out.replaceU32(patchAt.at(this.#patch) + shift, patchLabel.at(this.#patch));
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
