/**
 * Jumps that go the long way round. Compilers that make loops and blocks of code which jumps anywhere
 * (official Go, in nearly every function; LLVM, where a loop has several entries) write
 *
 *     loop  block … block  local.get $next  br_table …  end … end …  i32.const 7  local.set $next  br <loop>  …
 *
 * in which each jump goes back to the loop's head, and from there to the end of the block that
 * `$next` chooses. Where the jump stands in that very block, it can go there directly: forward, which
 * is no round of the loop, and need not be counted as one.
 */
import { Cursor } from './cursor.js';
import { Op } from './op.js';

const NO_BLOCK_TYPE = 0x40;
const NONE = -1;

/** The dispatching loop that is open in a function, if there is one. */
export class Dispatch {
  /** The local that chooses where to go on; -1: no such loop is open. */
  local = NONE;
  /** Index of the loop among the open labels. */
  loop = NONE;
  /** Index behind that of the innermost block of the loop's beginning that is still open. */
  blocksEnd = 0;
  readonly #bytes: Uint8Array;
  /** Index of the label that each value of the local chooses; the last one is that of all others. */
  readonly #targets: number[] = [];

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get isOpen(): boolean {
    return this.loop !== NONE;
  }

  /**
   * A loop without type begins; it may be a dispatching one.
   *
   * @param offset of what is in it
   * @param label its index among the open labels
   */
  open(offset: number, label: number): void {
    const bytes = this.#bytes;
    let at = offset;
    while (bytes[at] === Op.BLOCK && bytes[at + 1] === NO_BLOCK_TYPE) at += 2;
    const local = bytes[at + 1] as number;
    if (bytes[at] !== Op.LOCAL_GET || bytes[at + 2] !== Op.BR_TABLE || local >= 0x80) return;
    this.local = local;
    this.loop = label;
    this.blocksEnd = label + 1 + (at - offset) / 2;
    this.#readTargets(at + 3);
  }

  /** A block has ended, and so many are open. */
  end(labels: number): void {
    if (labels > this.loop) this.blocksEnd = Math.min(this.blocksEnd, labels);
    else this.reset();
  }

  reset(): void {
    this.local = NONE;
    this.loop = NONE;
    this.blocksEnd = 0;
  }

  /** Index of the label to which the loop goes on; -1: of no block of its own that is still open. */
  targetOf(value: number): number {
    const targets = this.#targets;
    const last = targets.length - 1;
    const target = targets[value >= 0 && value < last ? value : last] as number;
    return target > this.loop && target < this.blocksEnd ? target : NONE;
  }

  #readTargets(offset: number): void {
    const targets = this.#targets;
    targets.length = 0;
    const cursor = new Cursor(this.#bytes, offset);
    for (let count = cursor.u32(); count >= 0; count -= 1) {
      targets.push(this.blocksEnd - 1 - cursor.u32());
    }
  }
}
