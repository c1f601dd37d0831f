import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, createSharedState, type Host, type HostOptions } from '../../src/index.js';
import { recordLog } from '../support/record-log.js';
import { TestClock } from '../support/test-clock.js';

const open: Host[] = [];

function newHost(options: HostOptions = {}) {
  const log = recordLog();
  const clock = new TestClock();
  const host = createHost({ logger: log.logger, clock, ...options });
  open.push(host);
  return { host, log, clock };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((host) => host.close()));
});

const script = (callbacks: GuestScript['callbacks']): Promise<Uint8Array> => guest({ callbacks });

describe('shared data', () => {
  it('goes from one plugin to another, and by vm id', async () => {
    const { host, log } = newHost();
    const writer = await script({ proxy_on_configure: [{ setSharedData: ['k', 'v', 0] }] });
    const reader = await script({ proxy_on_configure: [{ logSharedData: 'k' }] });
    await host.createPlugin({ code: writer });
    await host.createPlugin({ code: reader });
    await host.createPlugin({ code: reader, vm: { id: 'other' } });
    expect(log.texts()).toEqual(['v', 'status 1']);
  });

  it('outlives a trap and a reload, and goes with the last plugin of its vm id', async () => {
    const { host, log, clock } = newHost();
    const code = await script({
      proxy_on_configure: [
        { logSharedData: 'k' },
        { setSharedData: ['k', 'v', 0] },
        { setTickPeriod: 100 },
      ],
      proxy_on_tick: [{ trap: true }],
    });
    const vm = { id: 'a' };
    const plugin = await host.createPlugin({ code, vm });
    await plugin.reload({ configuration: 'other' });
    clock.advance(100);
    expect(plugin.state).toBe('failed');
    await plugin.reload();
    expect(log.texts('info')).toEqual(['status 1', 'v', 'v']);
    const second = await host.createPlugin({ code, vm });
    await plugin.close();
    expect(host.sharedData.get('k', { vmId: 'a' })?.value.toString()).toBe('v');
    await second.close();
    expect(host.sharedData.get('k', { vmId: 'a' })).toBeUndefined();
  });

  it('of a plugin that was refused goes too', async () => {
    const { host } = newHost();
    const code = await script({
      proxy_on_configure: [{ setSharedData: ['k', 'v', 0] }, { return: 0 }],
    });
    await expect(host.createPlugin({ code })).rejects.toThrow('configure returned false');
    expect(host.sharedData.entries()).toEqual([]);
  });

  it('is each host’s own, unless they are given one store', async () => {
    const sharedState = createSharedState();
    const [a, b] = [newHost({ sharedState }).host, newHost({ sharedState }).host];
    a.sharedData.set('k', 'v');
    expect([b.sharedData.get('k')?.value.toString(), newHost().host.sharedData.get('k')]).toEqual([
      'v',
      undefined,
    ]);
  });
});

describe('host.sharedData', () => {
  it('reads, writes, deletes and lists, in text and bytes', () => {
    const { sharedData } = newHost().host;
    expect(sharedData.set('schlüssel', 'größe')).toBe(true);
    expect(sharedData.set('b', Uint8Array.of(1, 255), { vmId: 'x' })).toBe(true);
    expect(sharedData.get('schlüssel')?.value.toString()).toBe('größe');
    expect(sharedData.entries().map(([key]) => key)).toEqual(['schlüssel']);
    expect([...(sharedData.get('b', { vmId: 'x' })?.value ?? [])]).toEqual([1, 255]);
    expect([sharedData.delete('schlüssel'), sharedData.delete('schlüssel')]).toEqual([true, false]);
    expect(sharedData.entries()).toEqual([]);
  });

  it('copies what it takes and what it gives', () => {
    const { sharedData } = newHost().host;
    const value = Buffer.from('value');
    sharedData.set('k', value);
    value.fill(0);
    sharedData.get('k')?.value.fill(0);
    expect(sharedData.get('k')?.value.toString()).toBe('value');
  });

  it('does not overwrite what has another version', () => {
    const { sharedData } = newHost().host;
    sharedData.set('k', 'one');
    const { cas } = sharedData.get('k') as { cas: number };
    expect(sharedData.set('k', 'two', { cas })).toBe(true);
    expect(sharedData.set('k', 'three', { cas })).toBe(false);
  });

  it('says when the store is full', () => {
    const { host } = newHost({ sharedState: createSharedState({ keys: 1 }) });
    host.sharedData.set('a', '');
    expect(() => host.sharedData.set('b', '')).toThrow(
      expect.objectContaining({ code: 'PW_ERR_SHARED_STATE_FULL' }),
    );
  });

  it('exchanges data with filters', async () => {
    const { host, log } = newHost();
    host.sharedData.set('from app', 'hello');
    const code = await script({
      proxy_on_configure: [{ logSharedData: 'from app' }, { setSharedData: ['from app', 'bye'] }],
    });
    await host.createPlugin({ code });
    expect(log.texts()).toEqual(['hello']);
    expect(host.sharedData.get('from app')?.value.toString()).toBe('bye');
  });

  it('needs a store that has all methods', () => {
    expect(() => createHost({ sharedState: {} as never })).toThrow(
      'sharedState must be an object with the methods get, set, delete',
    );
  });
});

describe('shared queues', () => {
  const consumer = (more: GuestScript['callbacks'] = {}) =>
    script({
      proxy_on_vm_start: [{ registerQueue: [0, 'q'] }],
      proxy_on_queue_ready: [{ logDequeued: 'event' }],
      ...more,
    });
  const producer = (...messages: string[]) =>
    script({
      proxy_on_configure: [
        { resolveQueue: [0, 'c', 'q'] },
        ...messages.map((message) => ({ enqueue: [0, message] as const })),
      ],
    });
  const c = { id: 'c' };

  it('carry messages from plugin to plugin', async () => {
    const { host, log } = newHost();
    await host.createPlugin({ code: await consumer(), vm: c });
    await host.createPlugin({ code: await producer('one', 'two') });
    expect(log.texts()).toEqual([]);
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['one', 'two']);
    });
  });

  it('carry a plugin’s messages to itself, never while it runs', async () => {
    const { host, log } = newHost();
    const code = await consumer({
      proxy_on_configure: [{ enqueue: [0, 'mine'] }, { log: 'configured' }],
    });
    await host.createPlugin({ code, vm: c });
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['configured', 'mine']);
    });
  });

  it('call the plugin that registered last, and the other again when that has closed', async () => {
    const { host, log } = newHost();
    const tell = (name: string) =>
      consumer({ proxy_on_queue_ready: [{ log: name }, { logDequeued: 'event' }] });
    await host.createPlugin({ code: await tell('first'), vm: c });
    const second = await host.createPlugin({ code: await tell('second'), vm: c });
    const code = await producer('x');
    await host.createPlugin({ code });
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['second', 'x']);
    });
    await second.close();
    await host.createPlugin({ code });
    await vi.waitFor(() => {
      expect(log.texts().slice(2)).toEqual(['first', 'x']);
    });
  });

  it('keep messages while the consumer has failed, and tell it when it has healed', async () => {
    const { host, log, clock } = newHost();
    const code = await consumer({
      proxy_on_configure: [{ setTickPeriod: 100 }],
      proxy_on_tick: [{ trap: true }],
    });
    const plugin = await host.createPlugin({ code, vm: c });
    clock.advance(100);
    expect(plugin.state).toBe('failed');
    await host.createPlugin({ code: await producer('one', 'two') });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(log.texts('info')).toEqual([]);
    await plugin.reload();
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['one', 'two']);
    });
  });

  it('whose consumer traps on a message go on with the next one', async () => {
    const { host, log } = newHost();
    const code = await consumer({
      proxy_on_queue_ready: [{ logDequeued: 'event' }, { trap: true }],
    });
    const plugin = await host.createPlugin({ code, vm: c });
    await host.createPlugin({ code: await producer('one', 'two') });
    await vi.waitFor(() => {
      expect(plugin.state).toBe('failed');
    });
    await plugin.reload();
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['one', 'two']);
    });
  });

  it('go with the last plugin of their vm id', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await consumer(), vm: c });
    await plugin.close();
    const code = await script({
      proxy_on_configure: [{ resolveQueue: [0, 'c', 'q'] }, { logStatus: true }],
    });
    await host.createPlugin({ code });
    expect(log.texts()).toEqual(['status 1']);
  });
});
