import { Registry } from 'prom-client';
import { describe, expect, it, vi } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createSharedState, type SharedState } from '../../src/index.js';
import { serviceHost } from '../support/service-host.js';

const script = (callbacks: GuestScript['callbacks']) => guest({ callbacks });

/** Puts messages on the queue `q` of vm id `c`, from the main thread. */
const producer = (...messages: string[]) =>
  script({
    proxy_on_configure: [
      { resolveQueue: [0, 'c', 'q'] },
      ...messages.map((message) => ({ enqueue: [0, message] as const })),
    ],
  });

const CONSUMER: GuestScript['callbacks'] = {
  proxy_on_vm_start: [{ registerQueue: [0, 'q'] }],
  proxy_on_queue_ready: [{ logDequeued: 'event' }],
};
const c = { id: 'c' };

describe('queues of a service', () => {
  it('carry messages from filters to it, one event each, in order', async () => {
    const { start, host, log } = serviceHost();
    await start(CONSUMER, { vm: c });
    const messages = Array.from({ length: 300 }, (_, index) => `message ${String(index)}`);
    await host.createPlugin({ code: await producer(...messages) });
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(messages);
    });
  });

  it('carry messages from it to filters', async () => {
    const { start, host, log } = serviceHost();
    await host.createPlugin({ code: await script(CONSUMER), vm: c });
    await start({
      proxy_on_configure: [{ resolveQueue: [0, 'c', 'q'] }, { enqueue: [0, 'from the service'] }],
    });
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['from the service']);
    });
  });
});

describe('shared data of a service', () => {
  it('are those of filters and the app, both ways', async () => {
    const { start, host, log } = serviceHost();
    host.sharedData.set('from app', 'hello', { vmId: 'c' });
    await start(
      {
        proxy_on_configure: [
          { logSharedData: 'from app' },
          { setSharedData: ['from app', 'bye'] },
          { setSharedData: ['from app', 'too late', 1] },
          { logStatus: true },
          { logSharedData: 'none' },
        ],
      },
      { vm: c },
    );
    expect(log.texts()).toEqual(['hello', 'status 8', 'status 1']);
    expect(host.sharedData.get('from app', { vmId: 'c' })?.value.toString()).toBe('bye');
  });

  it('go with the last user of their vm id', async () => {
    const { start, host } = serviceHost();
    const set = { proxy_on_configure: [{ setSharedData: ['k', 'v', 0] as const }] };
    const [first, second] = [await start(set, { vm: c }), await start(set, { vm: c })];
    await first.close();
    expect(host.sharedData.get('k', { vmId: 'c' })?.value.toString()).toBe('v');
    await second.close();
    expect(host.sharedData.get('k', { vmId: 'c' })).toBeUndefined();
  });

  it('are one for services with the same vm id, each on its own thread', async () => {
    const { start, log } = serviceHost();
    await start(CONSUMER, { name: 'first', vm: c });
    await start(
      {
        proxy_on_configure: [
          { resolveQueue: [0, '', 'q'] },
          { enqueue: [0, 'hello'] },
          { setSharedData: ['k', 'v', 0] },
        ],
      },
      { name: 'second', vm: c },
    );
    await start({ proxy_on_configure: [{ logSharedData: 'k' }] }, { name: 'third', vm: c });
    await vi.waitFor(() => {
      const lines = log.lines.map(({ fields, message }) => [fields['plugin'], message]);
      expect(lines).toEqual(
        expect.arrayContaining([
          ['first', 'wasm log c: hello'],
          ['third', 'wasm log c: v'],
        ]),
      );
    });
  });

  it('full, or in a store that fails, are status 10, and the log says why', async () => {
    const store = createSharedState({ keys: 1 });
    const sharedState: SharedState = new Proxy(store, {
      get: (target, name) => {
        if (name === 'resolveQueue') {
          return () => {
            throw new Error('the disk is gone');
          };
        }
        const value: unknown = Reflect.get(target, name);
        return typeof value === 'function' ? (value.bind(target) as unknown) : value;
      },
    });
    const { start, log } = serviceHost({ sharedState });
    await start({
      proxy_on_configure: [
        { setSharedData: ['a', '', 0] },
        { setSharedData: ['b', '', 0] },
        { logStatus: true },
        { resolveQueue: [0, 'x', 'q'] },
        { logStatus: true },
      ],
    });
    expect(log.texts('info')).toEqual(['status 10', 'status 10']);
    expect(log.texts('warn').join()).toMatch(/is full.*the disk is gone/);
  });
});

describe('metrics of a service', () => {
  const COUNTING: GuestScript['callbacks'] = {
    proxy_on_configure: [
      { defineMetric: [0, 0, 'requests'] },
      { defineMetric: [1, 1, 'depth'] },
      { defineMetric: [2, 2, 'duration'] },
      { incrementMetric: [0, 3] },
      { recordMetric: [1, 7] },
      { incrementMetric: [1, -2] },
      { recordMetric: [2, 4] },
      { logMetric: 0 },
      { logMetric: 1 },
    ],
  };

  it('are those of the host', async () => {
    const registry = new Registry();
    const { start, host, log } = serviceHost({ metrics: { registry } });
    await host.createPlugin({ code: await script(COUNTING) });
    log.lines.splice(0);
    await start(COUNTING);
    expect(log.texts()).toEqual(['6', '5']);
    const samples = host.metrics.read().filter(({ source }) => source === 'filter');
    expect(samples.map(({ name, type, value, sum }) => [name, type, value, sum])).toEqual([
      ['requests', 'counter', 6, undefined],
      ['depth', 'gauge', 5, undefined],
      ['duration', 'histogram', 2, 8],
    ]);
    expect(await host.metrics.toPrometheus()).toContain('wasmcustom_requests 6');
    expect(await registry.metrics()).toContain('wasmcustom_depth 5');
  });

  it('appear in what the app has as soon as they are defined there', async () => {
    const registry = new Registry();
    const { start } = serviceHost({ metrics: { registry } });
    await start(COUNTING);
    expect(registry.getSingleMetric('wasmcustom_requests')).toBeDefined();
  });

  it('count what the host counts of plugins', async () => {
    const { start, host } = serviceHost();
    const service = await start({ proxy_on_configure: [] });
    const figure = (name: string) =>
      host.metrics.read().find((sample) => sample.name === name)?.value;
    expect([figure('wasm.created'), figure('wasm.active')]).toEqual([1, 1]);
    expect(figure('wasm.vm_memory_size')).toBe(4 * 65_536);
    await service.close();
    expect([figure('wasm.created'), figure('wasm.active')]).toEqual([1, 0]);
    expect(figure('wasm.vm_memory_size')).toBeUndefined();
  });
});
