/**
 * What the walk over a module's code finds out. One module has many thousands of each kind of thing,
 * so they are rows of numbers in typed arrays, and those who read many of them read the arrays.
 */

/** Rows of some numbers each. */
export class Rows {
  /** Row after row; behind the last one there may be room for more. */
  values: Int32Array<ArrayBuffer>;
  /** How many rows there are. */
  count = 0;
  readonly #width: number;

  constructor(width: number) {
    this.#width = width;
    this.values = new Int32Array(width * 64);
  }

  /** Adds a row of zeros; answers where in {@link values} it begins. */
  add(): number {
    const start = this.count * this.#width;
    if (start === this.values.length) {
      const larger = new Int32Array(start * 4);
      larger.set(this.values);
      this.values = larger;
    }
    this.count += 1;
    return start;
  }
}

/** A function of the code section. */
export const FunctionRow = {
  /** Offset of its size, with which it begins. */
  ENTRY: 0,
  /** Offset of the number of groups of locals. */
  LOCALS: 1,
  LOCAL_COUNT: 2,
  /** Offset of the first instruction. */
  START: 3,
  END: 4,
  /** Its own region; up to the next function's these are its loops. */
  FIRST_REGION: 5,
  FIRST_EVENT: 6,
  /** Bits: {@link HAS_BULK}, {@link HAS_LONG}. */
  SPECIAL: 7,
  WIDTH: 8,
} as const;

/**
 * Code that runs once each time its header is passed: a function's, or a loop's without the loops
 * inside.
 */
export const RegionRow = {
  /** Offset behind the header. */
  HEADER: 0,
  /** Region around it; of a function's itself. */
  PARENT: 1,
  /** Whether anything branches back to the header; where nothing does, the loop is a block. */
  REPEATS: 2,
  /** Bytes of code. */
  SIZE: 3,
  WIDTH: 4,
} as const;

/** An instruction that takes longer than its bytes tell. */
export const EventRow = {
  FROM: 0,
  TO: 1,
  REGION: 2,
  /** Index of the function that is called, or one of {@link Target}. */
  TARGET: 3,
  WIDTH: 4,
} as const;

/** A branch that gets a nearer label; in the order of offsets. */
export const PatchRow = { OFFSET: 0, LABEL: 1, WIDTH: 2 } as const;

/** What {@link EventRow.TARGET} is for an event that is no call of a known function. */
export const Target = {
  /** A call of a function that is known only when it runs. */
  INDIRECT: -1,
  /** An instruction that works for as long as its operands say: seldom, so the clock is read. */
  LONG: -2,
  /** `memory.fill` or `memory.copy`: often, so the length is looked at. */
  BULK: -3,
} as const;

/** Of a function's {@link FunctionRow.SPECIAL}: has an event of that kind. */
export const HAS_BULK = 1;
export const HAS_LONG = 2;

export class CodeFacts {
  readonly functions = new Rows(FunctionRow.WIDTH);
  readonly regions = new Rows(RegionRow.WIDTH);
  readonly events = new Rows(EventRow.WIDTH);
  readonly patches = new Rows(PatchRow.WIDTH);

  /** Whether something takes memory that no limit of ours can hold (objects of the GC proposal). */
  allocatesObjects = false;

  /** Says that no more functions come: ends the last one's regions and events. */
  finish(): void {
    const row = this.functions.add();
    this.functions.count -= 1;
    this.functions.values[row + FunctionRow.FIRST_REGION] = this.regions.count;
    this.functions.values[row + FunctionRow.FIRST_EVENT] = this.events.count;
  }
}
