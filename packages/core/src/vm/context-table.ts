import type { Context } from './context.js';

const FIRST_SIZE = 64;

/**
 * Live contexts by id, in an array indexed by the id's low bits. Ids count upwards and skip those
 * whose place a live context holds. (A Map's set and delete together cost more than all callbacks
 * of a lean filter.)
 */
export class ContextTable {
  #slots: (Context | undefined)[] = new Array<undefined>(FIRST_SIZE).fill(undefined);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(id: number): Context | undefined {
    const context = this.#slots[id & (this.#slots.length - 1)];
    return context !== undefined && context.id === id ? context : undefined;
  }

  has(id: number): boolean {
    return this.get(id) !== undefined;
  }

  /** The next id whose place is free; skipping one costs less than a table that must grow. */
  nextFreeId(lastId: number): number {
    if (this.#size * 2 > this.#slots.length) this.#grow();
    const mask = this.#slots.length - 1;
    let id = lastId;
    do id = (id + 1) >>> 0;
    while (id === 0 || this.#slots[id & mask] !== undefined);
    return id;
  }

  set(id: number, context: Context): void {
    while (this.#taken(id)) this.#grow();
    const index = id & (this.#slots.length - 1);
    if (this.#slots[index] === undefined) this.#size += 1;
    this.#slots[index] = context;
  }

  #taken(id: number): boolean {
    const context = this.#slots[id & (this.#slots.length - 1)];
    return context !== undefined && context.id !== id;
  }

  delete(id: number): boolean {
    if (!this.has(id)) return false;
    this.#slots[id & (this.#slots.length - 1)] = undefined;
    this.#size -= 1;
    return true;
  }

  /** The live contexts now, oldest slot first; a copy, so that they may go while it is read. */
  values(): Context[] {
    return this.#slots.filter((context) => context !== undefined);
  }

  #grow(): void {
    const old = this.values();
    const slots = new Array<undefined>(this.#slots.length * 2).fill(undefined);
    this.#slots = slots;
    for (const context of old) this.#slots[context.id & (slots.length - 1)] = context;
  }
}
