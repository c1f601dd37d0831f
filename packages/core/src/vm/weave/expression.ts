import { InstructionReader, type IndexSpaces } from './instruction-reader.js';

/** Steps over an expression that gives a first value: of a global, of an element. */
class ExpressionReader extends InstructionReader {
  #depth = 1;

  pass(): void {
    while (this.#depth > 0) this.step();
  }

  protected get localCount(): number {
    return 0;
  }

  protected open(): void {
    this.#depth += 1;
  }

  protected close(): void {
    this.#depth -= 1;
  }

  protected branch(label: number): void {
    if (label >= this.#depth) this.fail(`label ${String(label)} does not exist`);
  }

  // Nothing of it runs later than the engine's own check of it.
  protected event(): void {}
}

/**
 * @param position where an expression begins
 * @returns where it ends
 * @throws WeaveError
 */
export function passExpression(bytes: Uint8Array, position: number, spaces: IndexSpaces): number {
  const reader = new ExpressionReader(bytes, position, spaces);
  reader.pass();
  return reader.position;
}
