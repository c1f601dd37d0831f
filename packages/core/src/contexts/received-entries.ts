import type { ReadableHeaderMap } from '../vm/context.js';

/** Headers, trailers or metadata that an upstream sent: for reading. Names are lower-case. */
export class ReceivedEntries implements ReadableHeaderMap {
  readonly #entries: readonly string[];

  constructor(entries: readonly string[]) {
    this.#entries = entries;
  }

  count(): number {
    return this.#entries.length >> 1;
  }

  get(name: string): string | undefined {
    return this.values(name)[0];
  }

  values(name: string): string[] {
    return this.#entries.filter((_, index) => index % 2 === 1 && this.#entries[index - 1] === name);
  }

  entries(): readonly string[] {
    return this.#entries;
  }
}
