import type { MetricType } from '../abi/types.js';
import type { StoredMetric } from '../services/metric-store.js';
import type { EnqueueResult, SetResult, SharedValue } from '../services/shared-state.js';

/**
 * What a service's thread asks of the store, and waits for: {@link SharedState}, with listeners as
 * numbers, and the metrics of the host.
 */
export interface StateCalls {
  get(vmId: string, key: string): SharedValue | undefined;
  set(vmId: string, key: string, value: Uint8Array, cas: number): SetResult;
  delete(vmId: string, key: string): boolean;
  entries(vmId: string): readonly (readonly [key: string, value: SharedValue])[];

  registerQueue(vmId: string, name: string, listener: number): number | 'full';
  resolveQueue(vmId: string, name: string): number | undefined;
  enqueue(queueId: number, message: Uint8Array): EnqueueResult;
  dequeue(queueId: number): Uint8Array | 'empty' | 'not-found';
  removeListener(listener: number, untold: UntoldCalls): void;

  acquire(vmId: string): void;
  release(vmId: string): void;

  defineMetric(type: MetricType, name: string): number | 'other-type' | 'full';
  addToMetric(metric: number, delta: bigint): void;
  setMetric(metric: number, value: bigint): void;
  recordMetric(metric: number, value: bigint): void;
  getMetric(metric: number): bigint;
  readMetrics(): StoredMetric[];
}

/** How many calls for each queue a listener has not passed on. */
export type UntoldCalls = readonly (readonly [queueId: number, calls: number])[];

/** A queue has a message: told to the service's thread. */
export interface QueueReadyMessage {
  readonly type: 'queue-ready';
  readonly listener: number;
  readonly queueId: number;
}
