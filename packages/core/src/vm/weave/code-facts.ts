/** What the walk over a module's code finds out, in columns: one module has many thousands of each. */

/** A column of numbers that grows. */
export class Column {
  length = 0;
  #values: Int32Array<ArrayBuffer>;

  constructor(capacity = 16) {
    this.#values = new Int32Array(capacity);
  }

  push(value: number): void {
    if (this.length === this.#values.length) {
      const larger = new Int32Array(this.length * 2);
      larger.set(this.#values);
      this.#values = larger;
    }
    this.#values[this.length] = value;
    this.length += 1;
  }

  at(index: number): number {
    return this.#values[index] as number;
  }

  set(index: number, value: number): void {
    this.#values[index] = value;
  }

  add(index: number, value: number): void {
    this.#values[index] = this.at(index) + value;
  }

  /** What it holds, in memory of that size. */
  toArray(): Int32Array {
    return this.#values.slice(0, this.length);
  }
}

/** What {@link CodeFacts.target} has for an event that is no call of a known function. */
export const Target = {
  /** A call of a function that is known only when it runs. */
  INDIRECT: -1,
  /** An instruction that works for as long as its operands say: seldom, so the clock is read. */
  LONG: -2,
  /** `memory.fill` or `memory.copy`: often, so the length is looked at. */
  BULK: -3,
} as const;

/**
 * Of each function of the code section: a row of `regions` and `events` begins at `firstRegion` and
 * `firstEvent`. A region is code that runs once each time its header is passed: a function's, or a
 * loop's without the loops inside.
 */
export class CodeFacts {
  /** Offset of its size, with which it begins. */
  readonly entry = new Column();
  /** Offset of the number of groups of locals. */
  readonly locals = new Column();
  /** Offset of the first instruction. */
  readonly start = new Column();
  readonly end = new Column();
  readonly localCount = new Column();
  readonly firstRegion = new Column();
  readonly firstEvent = new Column();

  /** Offset behind the header. */
  readonly header = new Column();
  /** Region around it; of a function's itself. */
  readonly parent = new Column();
  /** Whether anything branches back to the header; where nothing does, the loop is a block. */
  readonly repeats = new Column();
  /** Bytes of code. */
  readonly size = new Column();

  /** Offset of the instruction. */
  readonly from = new Column();
  readonly to = new Column();
  readonly region = new Column();
  /** Index of the function that is called, or one of {@link Target}. */
  readonly target = new Column();

  /** Offset of the label of a branch that gets a nearer one; ascending. */
  readonly patchAt = new Column();
  readonly patchLabel = new Column();

  /** Whether something takes memory that no limit of ours can hold (objects of the GC proposal). */
  allocatesObjects = false;

  get functionCount(): number {
    return this.start.length;
  }

  /** Says that no more functions come. */
  finish(): void {
    this.firstRegion.push(this.header.length);
    this.firstEvent.push(this.from.length);
  }
}
