/**
 * Small loops without calls and without loops inside: the engine unrolls them, if nothing in them is a
 * call, and then they take half the time or two thirds. So the call that the check needs is put into
 * a loop around such a loop, to which the check branches. `wat/small-loop.wat` does this for most; here
 * is how for those with rarer instructions.
 */
import { InstructionReader, type IndexSpaces } from './instruction-reader.js';

/** The engine unrolls small ones only. */
const MOST_BYTES = 128;
/** One more must fit into the byte that it is in. */
const MOST_LABEL = 0x7e;
const LOOP = 0x03;
/** `try` … `throw_ref`, `delegate`, `try_table`: some have labels that count otherwise. */
const EXCEPTIONS: ReadonlySet<number> = new Set([0x06, 0x07, 0x08, 0x09, 0x0a, 0x18, 0x19, 0x1f]);

class LoopReader extends InstructionReader {
  protected readonly localCount: number;
  /** Offsets of the labels that are beyond the loop. */
  readonly outer: number[] = [];
  #depth = 1;
  #canGrow = true;

  constructor(bytes: Uint8Array, header: number, spaces: IndexSpaces, localCount: number) {
    super(bytes, header, spaces);
    this.localCount = localCount;
  }

  /** @returns whether all labels are understood, and can be one larger */
  read(): boolean {
    while (this.#depth > 0 && this.#canGrow) {
      if (EXCEPTIONS.has(this.bytes[this.position] as number)) return false;
      this.step();
    }
    return this.#canGrow;
  }

  protected open(): void {
    this.#depth += 1;
  }

  protected close(): void {
    this.#depth -= 1;
  }

  protected branch(label: number): void {
    if (label < this.#depth) return;
    const offset = this.position - 1;
    // Else it has more than that byte.
    if (this.bytes[offset] !== label || label > MOST_LABEL) this.#canGrow = false;
    this.outer.push(offset);
  }

  // There is none: the walk would have noted it.
  protected event(): void {}
}

/**
 * Has the branches of a small loop take one more loop around it into account.
 *
 * @param header offset behind the loop's header
 * @param end offset behind its end
 * @returns false: it is not small, or can not have a loop around it
 */
export function makeRoomAround(
  bytes: Uint8Array,
  { header, end }: { readonly header: number; readonly end: number },
  spaces: IndexSpaces,
  localCount: number,
): boolean {
  // A type of more than one byte may have parameters.
  if (end - header > MOST_BYTES || bytes[header - 2] !== LOOP) return false;
  const reader = new LoopReader(bytes, header, spaces, localCount);
  if (!reader.read()) return false;
  for (const offset of reader.outer) bytes[offset] = (bytes[offset] as number) + 1;
  return true;
}
