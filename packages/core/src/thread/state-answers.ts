import type { MetricType } from '../abi/types.js';
import type { MetricStore, StoredMetric } from '../services/metric-store.js';
import type {
  EnqueueResult,
  SetResult,
  SharedState,
  SharedValue,
} from '../services/shared-state.js';
import { exactBytes } from './exact-bytes.js';
import type { QueueFeed, ThreadListener } from './queue-feed.js';
import type { StateCalls, UntoldCalls } from './state-calls.js';

/** Where metrics are defined and recorded: the host, which shows them to the app at once. */
export interface MetricTarget {
  readonly store: MetricStore;
  define(type: MetricType, name: string): number | 'other-type' | 'full';
  record(metric: number, value: bigint): void;
}

/** The main thread's store, for one thread of a service. What that thread holds ends with it. */
export class StateAnswers implements StateCalls {
  readonly #state: SharedState;
  readonly #metrics: MetricTarget;
  readonly #feed: QueueFeed;
  readonly #listeners = new Map<number, ThreadListener>();
  /** How often the thread has acquired each vm id. */
  readonly #acquired = new Map<string, number>();

  constructor(state: SharedState, metrics: MetricTarget, feed: QueueFeed) {
    this.#state = state;
    this.#metrics = metrics;
    this.#feed = feed;
  }

  get(vmId: string, key: string): SharedValue | undefined {
    const found = this.#state.get(vmId, key);
    return found && { value: exactBytes(found.value), cas: found.cas };
  }

  set(vmId: string, key: string, value: Uint8Array, cas: number): SetResult {
    return this.#state.set(vmId, key, value, cas);
  }

  delete(vmId: string, key: string): boolean {
    return this.#state.delete(vmId, key);
  }

  entries(vmId: string): (readonly [string, SharedValue])[] {
    return Array.from(this.#state.entries(vmId), ([key, { value, cas }]) => [
      key,
      { value: exactBytes(value), cas },
    ]);
  }

  registerQueue(vmId: string, name: string, listener: number): number | 'full' {
    const known = this.#listeners.get(listener) ?? this.#feed.listener(listener);
    const id = this.#state.registerQueue(vmId, name, known);
    this.#listeners.set(listener, known);
    return id;
  }

  resolveQueue(vmId: string, name: string): number | undefined {
    return this.#state.resolveQueue(vmId, name);
  }

  enqueue(queueId: number, message: Uint8Array): EnqueueResult {
    return this.#state.enqueue(queueId, message);
  }

  dequeue(queueId: number): Uint8Array | 'empty' | 'not-found' {
    const message = this.#state.dequeue(queueId);
    return typeof message === 'string' ? message : exactBytes(message);
  }

  removeListener(listener: number, untold: UntoldCalls): void {
    const known = this.#listeners.get(listener);
    if (known === undefined) return;
    this.#listeners.delete(listener);
    known.untoldThere = untold;
    this.#state.removeListener(known);
  }

  acquire(vmId: string): void {
    this.#state.acquire(vmId);
    this.#acquired.set(vmId, (this.#acquired.get(vmId) ?? 0) + 1);
  }

  release(vmId: string): void {
    const times = this.#acquired.get(vmId) ?? 0;
    if (times === 0) return;
    this.#state.release(vmId);
    this.#acquired.set(vmId, times - 1);
  }

  defineMetric(type: MetricType, name: string): number | 'other-type' | 'full' {
    return this.#metrics.define(type, name);
  }

  addToMetric(metric: number, delta: bigint): void {
    this.#metrics.store.add(metric, delta);
  }

  setMetric(metric: number, value: bigint): void {
    this.#metrics.store.set(metric, value);
  }

  recordMetric(metric: number, value: bigint): void {
    this.#metrics.record(metric, value);
  }

  getMetric(metric: number): bigint {
    return this.#metrics.store.get(metric);
  }

  readMetrics(): StoredMetric[] {
    return this.#metrics.store.read();
  }

  /**
   * The thread has ended, in whatever way: lets go of what it held.
   *
   * @param failed told of what the store throws
   */
  close(failed: (error: unknown) => void): void {
    const attempt = (run: () => void): void => {
      try {
        run();
      } catch (error) {
        failed(error);
      }
    };
    for (const listener of [...this.#listeners.keys()]) {
      attempt(() => {
        this.removeListener(listener, []);
      });
    }
    for (const [vmId, times] of this.#acquired) {
      for (let time = 0; time < times; time += 1) {
        attempt(() => {
          this.#state.release(vmId);
        });
      }
    }
    this.#acquired.clear();
  }
}
