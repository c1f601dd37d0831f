import { describe, expect, it, vi } from 'vitest';

import { Status } from '../../src/abi/types.js';
import { MemoryState } from '../../src/services/memory-state.js';
import type { SharedState } from '../../src/services/shared-state.js';
import { hostcallGuest, OUT, OUT_2, u32, type HostcallGuest } from '../support/hostcall-guest.js';

const register = (guest: HostcallGuest, name: string) =>
  guest.call('proxy_register_shared_queue', ...guest.put(name), OUT);
const resolve = (guest: HostcallGuest, vmId: string, name: string) =>
  guest.call('proxy_resolve_shared_queue', ...guest.put(vmId), ...guest.put(name), OUT);
const enqueue = (guest: HostcallGuest, id: number, message: string) =>
  guest.call('proxy_enqueue_shared_queue', id, ...guest.put(message));
const dequeue = (guest: HostcallGuest, id: number) =>
  guest.call('proxy_dequeue_shared_queue', id, OUT, OUT_2);

describe('proxy_register_shared_queue', () => {
  it('gives ids from 1 on, the same one for the same name', async () => {
    const guest = await hostcallGuest();
    expect(register(guest, 'a')).toBe(Status.OK);
    guest.expectWritten([OUT, u32(1)]);
    register(guest, 'b');
    guest.expectWritten([OUT, u32(2)]);
    register(guest, 'a');
    guest.expectWritten([OUT, u32(1)]);
  });

  it('has the plugin context told of each message, once, after the callback', async () => {
    const guest = await hostcallGuest();
    register(guest, 'a');
    enqueue(guest, 1, 'x');
    enqueue(guest, 1, 'y');
    expect(guest.context.events).toEqual([]);
    await vi.waitFor(() => {
      expect(guest.context.events).toEqual([
        ['queue ready', 1],
        ['queue ready', 1],
      ]);
    });
  });

  it('listens with one listener for each context, which goes with it', async () => {
    const guest = await hostcallGuest();
    register(guest, 'a');
    register(guest, 'b');
    expect([guest.services.queueEvents.size, guest.context.cleanups.length]).toEqual([1, 1]);
    for (const cleanup of guest.context.cleanups) cleanup();
    expect(guest.services.queueEvents.size).toBe(0);
    enqueue(guest, 1, 'x');
    await new Promise((done) => setTimeout(done, 10));
    expect(guest.context.events).toEqual([]);
  });

  it('registers nothing where the id has no place', async () => {
    const guest = await hostcallGuest();
    const status = guest.call('proxy_register_shared_queue', ...guest.put('a'), -2);
    expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.services.sharedState.resolveQueue('', 'a')).toBeUndefined();
  });

  it('is INTERNAL_FAILURE beyond the limit, and the log says why', async () => {
    const sharedState = new MemoryState({ queues: 1 });
    const guest = await hostcallGuest({ services: { sharedState } });
    register(guest, 'a');
    expect(register(guest, 'b')).toBe(Status.INTERNAL_FAILURE);
    expect(guest.context.logs[0]?.[1]).toContain('vm id "" has as many queues as may be');
  });
});

describe('proxy_resolve_shared_queue', () => {
  it('finds queues of any vm id, and of its own where none is given', async () => {
    const sharedState = new MemoryState();
    const owner = await hostcallGuest({ vmId: 'größe', services: { sharedState } });
    const other = await hostcallGuest({ vmId: 'b', services: { sharedState } });
    const vmId = Buffer.from('größe').toString('latin1');
    register(owner, 'q');
    expect(resolve(other, vmId, 'q')).toBe(Status.OK);
    other.expectWritten([OUT, u32(1)]);
    expect([resolve(owner, '', 'q'), resolve(owner, vmId, 'q')]).toEqual([Status.OK, Status.OK]);
    expect([resolve(other, '', 'q'), resolve(owner, 'b', 'q')]).toEqual([
      Status.NOT_FOUND,
      Status.NOT_FOUND,
    ]);
    owner.expectWritten();
  });
});

describe('proxy_enqueue_shared_queue and proxy_dequeue_shared_queue', () => {
  it('pass messages from any VM to any other, first in, first out', async () => {
    const sharedState = new MemoryState();
    const consumer = await hostcallGuest({ vmId: 'a', services: { sharedState } });
    const producer = await hostcallGuest({ vmId: 'b', services: { sharedState } });
    register(consumer, 'q');
    expect(enqueue(producer, 1, 'first')).toBe(Status.OK);
    enqueue(producer, 1, '');
    expect(dequeue(consumer, 1)).toBe(Status.OK);
    consumer.expectReturned('first');
    expect(dequeue(consumer, 1)).toBe(Status.OK);
    consumer.expectWritten([OUT, u32(0)], [OUT_2, u32(0)]);
    expect(dequeue(consumer, 1)).toBe(Status.EMPTY);
    consumer.expectWritten();
  });

  it.each([0, 2, -1])('are NOT_FOUND for id %d, which was never given', async (id) => {
    const guest = await hostcallGuest();
    register(guest, 'q');
    expect([enqueue(guest, id, 'x'), dequeue(guest, id)]).toEqual([
      Status.NOT_FOUND,
      Status.NOT_FOUND,
    ]);
    const queue = `there is no queue ${String(id >>> 0)}; the guest gets NOT_FOUND`;
    expect(guest.context.logs.map(([, text]) => text)).toEqual([
      `proxy_enqueue_shared_queue failed: ${queue}`,
      `proxy_dequeue_shared_queue failed: ${queue}`,
    ]);
  });

  it('leave the message where it was if its address has no place', async () => {
    const guest = await hostcallGuest();
    register(guest, 'q');
    enqueue(guest, 1, 'x');
    for (const slots of [
      [-2, OUT],
      [OUT, -2],
    ]) {
      const status = guest.call('proxy_dequeue_shared_queue', 1, ...slots);
      expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
    }
    expect(dequeue(guest, 1)).toBe(Status.OK);
  });

  it('are INTERNAL_FAILURE where the queue is full, and the log says so', async () => {
    const sharedState = new MemoryState({ queueLength: 1 });
    const guest = await hostcallGuest({ services: { sharedState } });
    register(guest, 'q');
    enqueue(guest, 1, 'x');
    expect(enqueue(guest, 1, 'y')).toBe(Status.INTERNAL_FAILURE);
    expect(guest.context.logs[0]?.[1]).toBe(
      'proxy_enqueue_shared_queue failed: queue 1 is full; the guest gets INTERNAL_FAILURE',
    );
  });
});

it('a store that throws is INTERNAL_FAILURE everywhere', async () => {
  const fail = () => {
    throw new Error('gone');
  };
  const sharedState = {
    registerQueue: fail,
    resolveQueue: fail,
    enqueue: fail,
    dequeue: fail,
  } as unknown as SharedState;
  const guest = await hostcallGuest({ services: { sharedState } });
  const statuses = [
    register(guest, 'q'),
    resolve(guest, '', 'q'),
    enqueue(guest, 1, 'x'),
    dequeue(guest, 1),
  ];
  expect(statuses).toEqual(Array(4).fill(Status.INTERNAL_FAILURE));
  guest.expectWritten();
  expect(guest.context.logs).toHaveLength(4);
  expect(guest.services.queueEvents.size).toBe(0);
});
