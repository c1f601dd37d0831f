import { once } from 'node:events';
import { MessageChannel, Worker } from 'node:worker_threads';

import { afterEach, describe, expect, it } from 'vitest';

import { MetricType } from '../../src/abi/types.js';
import { createControl } from '../../src/thread/control.js';
import { RemoteState } from '../../src/thread/remote-state.js';
import type { QueueReadyMessage, StateCalls } from '../../src/thread/state-calls.js';
import { SyncCaller } from '../../src/thread/sync-calls.js';
import { sharedStateSuite } from '../support/shared-state-suite.js';
import type { StoreThreadData } from '../support/store-thread.js';

interface MoreCalls extends StateCalls {
  throwOne(): void;
  answerFunction(): void;
  nothing(): void;
  sleep(ms: number): void;
}

const workers: Worker[] = [];
afterEach(() => Promise.all(workers.splice(0).map((worker) => worker.terminate())));

/** A store in another thread, and what reaches it from this one. */
async function openStore({ timeoutMs = 10_000, limits = {} } = {}) {
  const control = createControl();
  const { port1, port2 } = new MessageChannel();
  const data: StoreThreadData = { control, replies: port2, limits };
  const worker = new Worker(new URL('../support/store-thread.ts', import.meta.url), {
    workerData: data,
    transferList: [port2],
  });
  workers.push(worker);
  await once(worker, 'message');
  const caller = new SyncCaller<MoreCalls>(worker, port1, control, timeoutMs);
  const state = new RemoteState(caller, control);
  worker.on('message', (event: QueueReadyMessage) => {
    state.queueReady(event);
  });
  return { worker, caller, state };
}

describe('a store in another thread', () => {
  sharedStateSuite(async () => (await openStore()).state);
});

describe('what crosses to the store and back', () => {
  it('may be large', async () => {
    const { state } = await openStore();
    const value = new Uint8Array(24 * 1024 * 1024).map((_, index) => index % 251);
    expect(state.set('v', 'k', value, 0)).toBe('ok');
    const found = state.get('v', 'k');
    expect(Buffer.compare(found?.value ?? value.subarray(1), value)).toBe(0);
  });

  it('is copied: neither side sees what the other does to its bytes', async () => {
    const { state } = await openStore();
    const value = Buffer.from('a view of more bytes than it shows').subarray(2, 6);
    state.set('v', 'k', value, 0);
    value.fill(0);
    const first = state.get('v', 'k')?.value;
    expect(Buffer.from(first ?? []).toString()).toBe('view');
    expect(first?.buffer.byteLength).toBe(4);
    first?.fill(0);
    expect(Buffer.from(state.get('v', 'k')?.value ?? []).toString()).toBe('view');
  });

  it('says what is full', async () => {
    const { state } = await openStore({ limits: { dataBytes: 4 } });
    expect(state.set('v', 'key', new Uint8Array(2), 0)).toBe('full');
  });

  it('throws what was thrown there', async () => {
    const { caller } = await openStore();
    expect(() => {
      caller.call('throwOne');
    }).toThrow(expect.objectContaining({ message: 'no such thing', code: 'ERR_NO_SUCH' }));
    expect(() => {
      caller.call('answerFunction');
    }).toThrow('could not be cloned');
    expect(() => {
      caller.call('nothing');
    }).toThrow('there is no call nothing');
  });

  it('counts in 64 bits', async () => {
    const { metrics } = (await openStore()).state;
    const counter = metrics?.define(MetricType.COUNTER, 'c') as number;
    metrics?.add(counter, 2n ** 53n);
    metrics?.add(counter, 1n);
    expect(metrics?.get(counter)).toBe(2n ** 53n + 1n);
    const gauge = metrics?.define(MetricType.GAUGE, 'g') as number;
    metrics?.set(gauge, 7n);
    const histogram = metrics?.define(MetricType.HISTOGRAM, 'h') as number;
    metrics?.record(histogram, 3n);
    expect(metrics?.define(MetricType.GAUGE, 'c')).toBe('other-type');
    expect(metrics?.read().map(({ name, value }) => [name, value])).toEqual([
      ['c', 2n ** 53n + 1n],
      ['g', 7n],
      ['h', 0n],
    ]);
  });
});

describe('a store whose thread is busy', () => {
  const block = (worker: Worker): (() => void) => {
    const word = new Int32Array(new SharedArrayBuffer(4));
    worker.postMessage({ type: 'block', word });
    return () => {
      Atomics.store(word, 0, 1);
      Atomics.notify(word, 0);
    };
  };

  it('fails after the time-out, and does not do later what was given up', async () => {
    const { worker, state } = await openStore({ timeoutMs: 1000 });
    const release = block(worker);
    expect(() => state.set('v', 'k', Uint8Array.of(1), 0)).toThrow(
      'the main thread did not get to set within 1000 ms',
    );
    expect(() => state.get('v', 'k')).toThrow('did not get to get');
    release();
    expect(state.get('v', 'k')).toBeUndefined();
    expect(state.set('v', 'k', Uint8Array.of(2), 0)).toBe('ok');
    expect([...(state.get('v', 'k')?.value ?? [])]).toEqual([2]);
  });

  it('is waited for once it has begun', async () => {
    const { caller, state } = await openStore({ timeoutMs: 1000 });
    expect(state.get('v', 'k')).toBeUndefined();
    const begun = performance.now();
    caller.call('sleep', 1500);
    expect(performance.now() - begun).toBeGreaterThan(1490);
    expect(state.set('v', 'k', Uint8Array.of(2), 0)).toBe('ok');
  });
});
