import type { SetResult, SharedValue } from './shared-state.js';

const MAX_CAS = 0xffff_ffff;

export interface DataLimits {
  readonly keys: number;
  readonly dataBytes: number;
}

/** The data of one vm id. */
interface Namespace {
  readonly values: Map<string, SharedValue>;
  sizeBytes: number;
}

/** Shared data in this process's memory. JavaScript runs one thing at a time, so all is atomic. */
export class MemoryData {
  readonly #limits: DataLimits;
  readonly #namespaces = new Map<string, Namespace>();
  #lastCas = 0;

  constructor(limits: DataLimits) {
    this.#limits = limits;
  }

  get(vmId: string, key: string): SharedValue | undefined {
    return this.#namespaces.get(vmId)?.values.get(key);
  }

  set(vmId: string, key: string, value: Uint8Array, cas: number): SetResult {
    const namespace = this.#namespace(vmId);
    const { values } = namespace;
    const before = values.get(key);
    if (before !== undefined && cas !== 0 && cas !== before.cas) return 'cas-mismatch';
    if (before === undefined && values.size >= this.#limits.keys) return 'full';
    const added = value.length + (before === undefined ? key.length : -before.value.length);
    if (added > 0 && namespace.sizeBytes + added > this.#limits.dataBytes) return 'full';
    namespace.sizeBytes += added;
    values.set(key, { value, cas: this.#nextCas() });
    return 'ok';
  }

  delete(vmId: string, key: string): boolean {
    const namespace = this.#namespaces.get(vmId);
    const before = namespace?.values.get(key);
    if (namespace === undefined || before === undefined) return false;
    namespace.sizeBytes -= key.length + before.value.length;
    return namespace.values.delete(key);
  }

  entries(vmId: string): Iterable<readonly [string, SharedValue]> {
    return [...(this.#namespaces.get(vmId)?.values ?? [])];
  }

  drop(vmId: string): void {
    this.#namespaces.delete(vmId);
  }

  #namespace(vmId: string): Namespace {
    let namespace = this.#namespaces.get(vmId);
    if (namespace === undefined) {
      namespace = { values: new Map(), sizeBytes: 0 };
      this.#namespaces.set(vmId, namespace);
    }
    return namespace;
  }

  /** One counter for all keys, as in Envoy, so a key that was deleted and made again is noticed. */
  #nextCas(): number {
    this.#lastCas = this.#lastCas === MAX_CAS ? 1 : this.#lastCas + 1;
    return this.#lastCas;
  }
}
