/** The checks as they stand in the code: they count units, and look at the clock when these are spent. */
import { chargeFunction, lookFunction, refillFunction, type Added } from './added.js';
import { ByteWriter } from './byte-writer.js';
import { BULK_BYTES_PER_UNIT, BULK_MANY_BYTES } from './costs.js';
import { Op } from './op.js';

const NO_BLOCK_TYPE = 0x40;

export class CheckWriter {
  readonly #out: ByteWriter;
  readonly #added: Added;
  /** Around what a function costs. */
  readonly #beforeCost: Uint8Array;
  readonly #afterCost: Uint8Array;

  constructor(out: ByteWriter, added: Added) {
    const { units } = added;
    this.#out = out;
    this.#added = added;
    this.#beforeCost = bytesOf((part) => {
      part.op(Op.GLOBAL_GET, units);
      part.byte(Op.I32_CONST);
    });
    this.#afterCost = bytesOf((part) => {
      part.byte(Op.I32_SUB);
      part.op(Op.GLOBAL_SET, units);
      part.op(Op.GLOBAL_GET, units);
      part.write(IF_BELOW_ZERO);
      part.op(Op.CALL, lookFunction(added));
      part.byte(Op.END);
    });
  }

  /** At the entry of a function: takes units from those that are left. */
  payAtEntry(cost: number): void {
    this.#out.write(this.#beforeCost);
    this.#out.s32(cost);
    this.#out.write(this.#afterCost);
  }

  /** Behind it, in a function with loops: what they may use, in a local. */
  setLoopUnits(local: number, units: number): void {
    this.#out.number(units);
    this.#out.op(Op.LOCAL_SET, local);
  }

  /** At the head of a loop: takes units from its function's local. */
  payInLoop(local: number, cost: number): void {
    this.#take(local, cost);
    this.#out.write(IF_BELOW_ZERO);
    this.#refill(local);
  }

  /**
   * Before a loop: one around it, with the call for more units, so that there is none inside.
   *
   * @param type the byte that is the loop's type
   */
  openOuterLoop(local: number, type: number): void {
    const out = this.#out;
    out.byte(Op.LOOP);
    out.byte(type);
    out.op(Op.LOCAL_GET, local);
    out.write(IF_BELOW_ZERO);
    this.#refill(local);
  }

  /** At the head of the loop inside. */
  payInSmallLoop(local: number, cost: number): void {
    this.#take(local, cost);
    this.#out.write([Op.I32_CONST, 0, Op.I32_LT_S, Op.BR_IF, 1]);
  }

  closeOuterLoop(): void {
    this.#out.byte(Op.END);
  }

  #take(local: number, cost: number): void {
    const out = this.#out;
    out.op(Op.LOCAL_GET, local);
    out.number(cost);
    out.byte(Op.I32_SUB);
    out.op(Op.LOCAL_TEE, local);
  }

  #refill(local: number): void {
    const out = this.#out;
    out.op(Op.LOCAL_GET, local);
    out.op(Op.CALL, refillFunction(this.#added));
    out.op(Op.LOCAL_SET, local);
    out.byte(Op.END);
  }

  /** Anywhere: takes units from those that are left. */
  charge(units: number): void {
    this.#out.number(units);
    this.#out.op(Op.CALL, chargeFunction(this.#added));
  }

  /** Before an instruction whose last operand is how many bytes it moves. */
  keepLength(local: number): void {
    this.#out.op(Op.LOCAL_TEE, local);
  }

  /** Behind it. */
  chargeLength(local: number): void {
    const out = this.#out;
    out.op(Op.LOCAL_GET, local);
    out.number(BULK_MANY_BYTES);
    out.write([Op.I32_GE_U, Op.IF, NO_BLOCK_TYPE]);
    out.op(Op.LOCAL_GET, local);
    out.number(Math.log2(BULK_BYTES_PER_UNIT));
    out.byte(Op.I32_SHR_U);
    out.op(Op.CALL, chargeFunction(this.#added));
    out.byte(Op.END);
  }
}

const IF_BELOW_ZERO = [Op.I32_CONST, 0, Op.I32_LT_S, Op.IF, NO_BLOCK_TYPE];

function bytesOf(write: (part: ByteWriter) => void): Uint8Array {
  const part = new ByteWriter(32);
  write(part);
  return part.view();
}
