import { MemoryData } from './memory-data.js';
import { MemoryQueues } from './memory-queues.js';
import type {
  EnqueueResult,
  QueueListener,
  SetResult,
  SharedState,
  SharedValue,
} from './shared-state.js';

/** Caps of the store in memory. What would pass one is refused: the guest gets InternalFailure. */
export interface SharedStateLimits {
  /** Keys of one vm id; default 65 536. */
  keys?: number;
  /** Bytes of the keys and values of one vm id; default 64 MiB. */
  dataBytes?: number;
  /** Queues of one vm id; default 1024. */
  queues?: number;
  /** Messages in one queue; default 65 536. */
  queueLength?: number;
  /** Bytes in one queue; default 16 MiB. */
  queueBytes?: number;
}

const MIB = 1024 * 1024;

const DEFAULTS: Required<SharedStateLimits> = {
  keys: 65_536,
  dataBytes: 64 * MIB,
  queues: 1024,
  queueLength: 65_536,
  queueBytes: 16 * MIB,
};

/** The default store: in this process's memory, shared by the plugins of the hosts that have it. */
export class MemoryState implements SharedState {
  readonly #data: MemoryData;
  readonly #queues: MemoryQueues;
  /** Plugins by vm id. What belongs to an id goes with the last one, as in Envoy. */
  readonly #users = new Map<string, number>();

  constructor(limits: SharedStateLimits = {}) {
    const all = { ...DEFAULTS, ...limits };
    this.#data = new MemoryData(all);
    this.#queues = new MemoryQueues(all);
  }

  get(vmId: string, key: string): SharedValue | undefined {
    return this.#data.get(vmId, key);
  }

  set(vmId: string, key: string, value: Uint8Array, cas: number): SetResult {
    return this.#data.set(vmId, key, value, cas);
  }

  delete(vmId: string, key: string): boolean {
    return this.#data.delete(vmId, key);
  }

  entries(vmId: string): Iterable<readonly [string, SharedValue]> {
    return this.#data.entries(vmId);
  }

  registerQueue(vmId: string, name: string, listener: QueueListener): number | 'full' {
    return this.#queues.register(vmId, name, listener);
  }

  resolveQueue(vmId: string, name: string): number | undefined {
    return this.#queues.resolve(vmId, name);
  }

  enqueue(queueId: number, message: Uint8Array): EnqueueResult {
    return this.#queues.enqueue(queueId, message);
  }

  dequeue(queueId: number): Uint8Array | 'empty' | 'not-found' {
    return this.#queues.dequeue(queueId);
  }

  removeListener(listener: QueueListener): void {
    this.#queues.removeListener(listener);
  }

  acquire(vmId: string): void {
    this.#users.set(vmId, (this.#users.get(vmId) ?? 0) + 1);
  }

  release(vmId: string): void {
    const users = (this.#users.get(vmId) ?? 0) - 1;
    if (users > 0) {
      this.#users.set(vmId, users);
      return;
    }
    this.#users.delete(vmId);
    this.#data.drop(vmId);
    this.#queues.drop(vmId);
  }
}
