/** A list of numbers that grows, in a typed array. */
export class Column {
  length = 0;
  #values: Int32Array<ArrayBuffer>;

  constructor(capacity = 256) {
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

  /** What it holds, in memory of that size. */
  toArray(): Int32Array {
    return this.#values.slice(0, this.length);
  }
}
