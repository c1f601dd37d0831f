import { describe, expect, it } from 'vitest';

import { createSharedState, type QueueListener } from '../../src/index.js';
import { MemoryState } from '../../src/services/memory-state.js';
import { sharedStateSuite } from '../support/shared-state-suite.js';

const bytes = (length: number): Uint8Array => new Uint8Array(length);
const nobody: QueueListener = { queueReady: () => undefined };

describe('the store in memory', () => {
  sharedStateSuite(() => createSharedState());
});

describe('limits', () => {
  it('of keys: a key more is refused, others can still be written', () => {
    const state = new MemoryState({ keys: 2 });
    expect(['a', 'b', 'c'].map((key) => state.set('', key, bytes(1), 0))).toEqual([
      'ok',
      'ok',
      'full',
    ]);
    expect(state.set('', 'a', bytes(2), 0)).toBe('ok');
    expect(state.set('other', 'c', bytes(1), 0)).toBe('ok');
    state.delete('', 'a');
    expect(state.set('', 'c', bytes(1), 0)).toBe('ok');
  });

  it('of bytes: keys count, what is replaced or deleted does not', () => {
    const state = new MemoryState({ dataBytes: 100 });
    expect(state.set('', 'key', bytes(97), 0)).toBe('ok');
    expect(state.set('', 'k', bytes(0), 0)).toBe('full');
    expect(state.set('', 'key', bytes(98), 0)).toBe('full');
    expect(state.get('', 'key')?.value.length).toBe(97);
    expect(state.set('', 'key', bytes(50), 0)).toBe('ok');
    expect(state.set('', 'k', bytes(46), 0)).toBe('ok');
    expect(state.delete('', 'key')).toBe(true);
    expect(state.set('', 'x', bytes(52), 0)).toBe('ok');
    expect(state.set('', 'y', bytes(0), 0)).toBe('full');
  });

  it('of versions: a stale one is told before a limit', () => {
    const state = new MemoryState({ dataBytes: 10 });
    state.set('', 'k', bytes(1), 0);
    expect(state.set('', 'k', bytes(100), 99)).toBe('cas-mismatch');
  });

  it('of queues and messages', () => {
    const state = new MemoryState({ queues: 1, queueLength: 2, queueBytes: 10 });
    const id = state.registerQueue('', 'q', nobody) as number;
    expect(state.registerQueue('', 'r', nobody)).toBe('full');
    expect(state.registerQueue('', 'q', nobody)).toBe(id);
    expect([1, 1, 1].map((size) => state.enqueue(id, bytes(size)))).toEqual(['ok', 'ok', 'full']);
    state.dequeue(id);
    expect(state.enqueue(id, bytes(10))).toBe('full');
    expect(state.enqueue(id, bytes(9))).toBe('ok');
    state.dequeue(id);
    state.dequeue(id);
    expect(state.enqueue(id, bytes(10))).toBe('ok');
  });

  it('are checked', () => {
    expect(() => createSharedState({ keys: 0 })).toThrow('limits.keys must be a whole number');
    expect(() => createSharedState({ key: 1 } as never)).toThrow('did you mean keys?');
  });
});

describe('the last user of a vm id', () => {
  it('takes its data and queues along, and no others', () => {
    const state = new MemoryState();
    for (const vmId of ['a', 'a', 'b']) state.acquire(vmId);
    const [a, b] = ['a', 'b'].map((vmId) => {
      state.set(vmId, 'k', bytes(1), 0);
      return state.registerQueue(vmId, 'q', nobody) as number;
    }) as [number, number];
    state.release('a');
    expect(state.get('a', 'k')).toBeDefined();
    state.release('a');
    expect([state.get('a', 'k'), state.resolveQueue('a', 'q')]).toEqual([undefined, undefined]);
    expect(state.enqueue(a, bytes(1))).toBe('not-found');
    expect([state.get('b', 'k')?.value.length, state.enqueue(b, bytes(1))]).toEqual([1, 'ok']);
    expect(state.registerQueue('a', 'q', nobody)).not.toBe(a);
  });
});

it('a long queue is not slow to take from', () => {
  const state = new MemoryState();
  const id = state.registerQueue('', 'q', nobody) as number;
  for (let index = 0; index < 60_000; index += 1) state.enqueue(id, Uint8Array.of(index & 255));
  for (let index = 0; index < 60_000; index += 1) {
    expect((state.dequeue(id) as Uint8Array)[0] === (index & 255)).toBe(true);
  }
  expect(state.dequeue(id)).toBe('empty');
});
