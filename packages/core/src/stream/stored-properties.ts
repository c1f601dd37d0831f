import type { SetPropertyResult } from '../vm/context.js';

/** What filters keep with `proxy_set_property`: by the name they gave, for the rest of the stream. */
export class StoredProperties {
  readonly #values = new Map<string, Uint8Array>();
  #sizeBytes = 0;

  get values(): ReadonlyMap<string, Uint8Array> {
    return this.#values;
  }

  /** By the whole path, else by its first segment; `filter_state` reaches the same values. */
  find(path: readonly string[]): Uint8Array | undefined {
    const [first = '', ...rest] = path;
    const whole = this.#values.get(path.join('\0')) ?? this.#values.get(first);
    if (whole !== undefined || first !== 'filter_state') return whole;
    return this.#values.get(rest.join('\0').replace(/^wasm\./, ''));
  }

  /** @param limitBytes of all names and values: 'full', and nothing is written, beyond it */
  store(path: string, value: Uint8Array, limitBytes: number): SetPropertyResult {
    const before = this.#values.get(path);
    const sizeBefore = before === undefined ? 0 : path.length + before.length;
    const total = this.#sizeBytes - sizeBefore + path.length + value.length;
    if (total > limitBytes) return 'full';
    this.#sizeBytes = total;
    this.#values.set(path, value);
    return 'ok';
  }
}
