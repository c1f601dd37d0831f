import type { MetricType } from '../abi/types.js';
import type { MetricStore, StoredMetric } from '../services/metric-store.js';
import type {
  EnqueueResult,
  QueueListener,
  SetResult,
  SharedState,
  SharedValue,
} from '../services/shared-state.js';
import { Control } from './control.js';
import { exactBytes } from './exact-bytes.js';
import type { QueueReadyMessage, StateCalls } from './state-calls.js';
import type { SyncCaller } from './sync-calls.js';

/**
 * The main thread's store, as a service's thread has it: each method blocks until that has answered.
 * What nobody could do anything about, if it failed, waits for as long as it takes.
 */
export class RemoteState implements SharedState {
  readonly metrics: MetricStore;
  readonly #main: SyncCaller<StateCalls>;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #listeners = new Map<number, QueueListener>();
  readonly #registrations = new Map<QueueListener, Registration>();
  #lastListener = 0;
  /** Events that have come and are not passed on yet. */
  #ready: QueueReadyMessage[] = [];

  constructor(main: SyncCaller<StateCalls>, control: Int32Array<SharedArrayBuffer>) {
    this.#main = main;
    this.#control = control;
    this.metrics = new RemoteMetrics(main);
  }

  get(vmId: string, key: string): SharedValue | undefined {
    return this.#main.call('get', vmId, key);
  }

  set(vmId: string, key: string, value: Uint8Array, cas: number): SetResult {
    return this.#main.call('set', vmId, key, exactBytes(value), cas);
  }

  delete(vmId: string, key: string): boolean {
    return this.#main.call('delete', vmId, key);
  }

  entries(vmId: string): Iterable<readonly [string, SharedValue]> {
    return this.#main.call('entries', vmId);
  }

  registerQueue(vmId: string, name: string, listener: QueueListener): number | 'full' {
    const registration = this.#registrations.get(listener) ?? this.#register(listener);
    const queueId = this.#main.call('registerQueue', vmId, name, registration.id);
    if (queueId !== 'full') registration.queues.add(queueId);
    return queueId;
  }

  resolveQueue(vmId: string, name: string): number | undefined {
    return this.#main.call('resolveQueue', vmId, name);
  }

  enqueue(queueId: number, message: Uint8Array): EnqueueResult {
    return this.#main.call('enqueue', queueId, exactBytes(message));
  }

  dequeue(queueId: number): Uint8Array | 'empty' | 'not-found' {
    return this.#main.call('dequeue', queueId);
  }

  removeListener(listener: QueueListener): void {
    const registration = this.#registrations.get(listener);
    if (registration === undefined) return;
    const { id, queues } = registration;
    // Even if the main thread can't be told: nothing reaches it any more.
    this.#registrations.delete(listener);
    this.#listeners.delete(id);
    const untold = [...queues].map((queue) => [queue, listener.untold?.(queue) ?? 0] as const);
    this.#main.insist('removeListener', id, untold);
  }

  acquire(vmId: string): void {
    this.#main.insist('acquire', vmId);
  }

  release(vmId: string): void {
    this.#main.insist('release', vmId);
  }

  /** The main thread says that a queue has a message. */
  queueReady(event: QueueReadyMessage): void {
    this.#ready.push(event);
    if (this.#ready.length === 1) setImmediate(this.#callListeners);
  }

  #register(listener: QueueListener): Registration {
    this.#lastListener += 1;
    const registration = { id: this.#lastListener, queues: new Set<number>() };
    this.#registrations.set(listener, registration);
    this.#listeners.set(registration.id, listener);
    return registration;
  }

  /** In turns of the event loop: a consumer that feeds its own queue must not block it. */
  readonly #callListeners = (): void => {
    const ready = this.#ready;
    this.#ready = [];
    for (const { listener, queueId } of ready) {
      // Before it is told: if the guest traps on it, it must not come again.
      Atomics.add(this.#control, Control.EVENTS_TOLD, 1);
      this.#listeners.get(listener)?.queueReady(queueId);
    }
  };
}

/** A listener, as the main thread knows it. */
interface Registration {
  readonly id: number;
  readonly queues: Set<number>;
}

/** The metrics of the main thread's host. */
class RemoteMetrics implements MetricStore {
  readonly #main: SyncCaller<StateCalls>;

  constructor(main: SyncCaller<StateCalls>) {
    this.#main = main;
  }

  define(type: MetricType, name: string): number | 'other-type' | 'full' {
    return this.#main.call('defineMetric', type, name);
  }

  add(metric: number, delta: bigint): void {
    this.#main.call('addToMetric', metric, delta);
  }

  set(metric: number, value: bigint): void {
    this.#main.call('setMetric', metric, value);
  }

  record(metric: number, value: bigint): void {
    this.#main.call('recordMetric', metric, value);
  }

  get(metric: number): bigint {
    return this.#main.call('getMetric', metric);
  }

  read(): StoredMetric[] {
    return this.#main.call('readMetrics');
  }
}
