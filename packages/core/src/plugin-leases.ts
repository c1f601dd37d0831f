import type { ContextLease } from './plugin-vm.js';

/** A plugin's leases: one that new streams get, and those that finish what they have. */
export class PluginLeases {
  readonly #warn: (message: string) => void;
  #current: ContextLease | undefined;
  /** Not in use yet: what becomes of them is told to who starts them. */
  readonly #candidates = new WeakSet<ContextLease>();
  /** They take no new streams any more, until they have gone. */
  readonly #retired = new Map<ContextLease, Promise<void>>();

  /** @param warn told where a guest takes long to go */
  constructor(warn: (message: string) => void) {
    this.#warn = warn;
  }

  get current(): ContextLease | undefined {
    return this.#current;
  }

  /** Streams on all of them. */
  get streams(): number {
    let streams = this.#current?.context.streams ?? 0;
    for (const { context } of this.#retired.keys()) streams += context.streams;
    return streams;
  }

  addCandidate(lease: ContextLease): void {
    this.#candidates.add(lease);
  }

  isCandidate(lease: ContextLease): boolean {
    return this.#candidates.has(lease);
  }

  /** New streams get this one; the one before, if there is one, finishes what it has. */
  use(lease: ContextLease): void {
    const before = this.#current;
    this.#candidates.delete(lease);
    this.#current = lease;
    if (before !== undefined) this.retire(before);
  }

  /** Its VM has failed: there is nothing to give back. */
  forgetCurrent(): void {
    this.#current = undefined;
  }

  retireCurrent(): void {
    const lease = this.#current;
    this.#current = undefined;
    if (lease !== undefined) this.retire(lease);
  }

  retire(lease: ContextLease): void {
    const gone = lease.release(this.#warn).then(() => {
      this.#retired.delete(lease);
    });
    this.#retired.set(lease, gone);
  }

  /** Resolves when all that were retired have gone, or have been given up on. */
  async gone(): Promise<void> {
    await Promise.all(this.#retired.values());
  }
}
