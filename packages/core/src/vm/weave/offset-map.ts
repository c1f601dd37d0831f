/** From places in woven code back to places in the code as it was. */
export class OffsetMap {
  /** Offsets in the woven module behind each insertion, ascending. */
  readonly #woven: Int32Array;
  /** The same places in the module as it was. */
  readonly #original: Int32Array;
  /** Of the code, in the module as it was. */
  readonly #end: number;

  constructor(woven: Int32Array, original: Int32Array, end: number) {
    this.#woven = woven;
    this.#original = original;
    this.#end = end;
  }

  /** Of a check that was added, the place that it stands before; undefined: in an added function. */
  toOriginal(wovenOffset: number): number | undefined {
    const row = lastAtOrBefore(this.#woven, wovenOffset);
    if (row === -1) return undefined;
    const offset = (this.#original[row] as number) + wovenOffset - (this.#woven[row] as number);
    // Between the code before an insertion and that behind it there is only the insertion.
    const place = Math.min(offset, this.#original[row + 1] ?? Infinity);
    return place < this.#end ? place : undefined;
  }
}

function lastAtOrBefore(values: Int32Array, value: number): number {
  let low = 0;
  let high = values.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((values[middle] as number) <= value) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}
