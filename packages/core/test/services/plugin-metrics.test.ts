import { Counter, Registry } from 'prom-client';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host, type HostOptions, type MetricSample } from '../../src/index.js';
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
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((host) => host.close()));
});

const script = (callbacks: GuestScript['callbacks']): Promise<Uint8Array> => guest({ callbacks });

const counting = script({
  proxy_on_configure: [
    { defineMetric: [0, 0, 'requests'] },
    { defineMetric: [1, 1, 'reporter=.=source;.;open'] },
    { defineMetric: [2, 2, 'latency'] },
    { incrementMetric: [0, 3] },
    { recordMetric: [1, 7] },
    { recordMetric: [2, 40] },
    { logMetric: 0 },
  ],
});

const byFilters = (host: Host): MetricSample[] =>
  host.metrics.read().filter(({ source }) => source === 'filter');
const figure = (host: Host, name: string, plugin?: string): number | undefined =>
  host.metrics.read().find((sample) => sample.name === name && sample.labels['plugin'] === plugin)
    ?.value;

describe('filters’ metrics', () => {
  it('can be read', async () => {
    const { host, log } = newHost();
    await host.createPlugin({ code: await counting });
    expect(byFilters(host)).toMatchObject([
      { name: 'requests', type: 'counter', value: 3, labels: {} },
      { name: 'open', type: 'gauge', value: 7, labels: { reporter: 'source' } },
      { name: 'latency', type: 'histogram', value: 1, sum: 40 },
    ]);
    expect(log.texts()).toEqual(['3']);
  });

  it('are one for all plugins, and outlive them', async () => {
    const { host } = newHost();
    const plugin = await host.createPlugin({ code: await counting });
    await host.createPlugin({ code: await counting, vm: { id: 'other' } });
    await plugin.close();
    expect(byFilters(host)[0]).toMatchObject({ name: 'requests', value: 6 });
  });

  it('are there for Prometheus', async () => {
    const { host } = newHost();
    expect(await host.metrics.toPrometheus()).not.toContain('wasmcustom');
    await host.createPlugin({ code: await counting });
    const text = await host.metrics.toPrometheus();
    expect(text).toContain('# TYPE wasmcustom_requests counter\nwasmcustom_requests 3\n');
    expect(text).toContain('wasmcustom_open{reporter="source"} 7\n');
    expect(text).toContain('wasmcustom_latency_bucket{le="25"} 0\n');
    expect(text).toContain('wasmcustom_latency_bucket{le="50"} 1\n');
    expect(text).toContain('wasmcustom_latency_sum 40\n');
  });

  it('take prefix, labels and buckets from the options', async () => {
    const tags = { kind: /^(re)quests$/ };
    const { host } = newHost({ metrics: { prefix: 'my_', tags, buckets: [1, 2] } });
    await host.createPlugin({ code: await counting });
    const text = await host.metrics.toPrometheus();
    expect(text).toContain('my_quests{kind="re"} 3');
    expect(text.match(/my_latency_bucket/g)).toHaveLength(3);
  });

  it('appear in a registry that the app has, beside the app’s own, until the host closes', async () => {
    const registry = new Registry();
    const own = new Counter({ name: 'app_requests', help: 'of the app', registers: [registry] });
    own.inc(9);
    const { host } = newHost({ metrics: { registry } });
    await host.createPlugin({ code: await counting, name: 'p' });
    const text = await registry.metrics();
    expect(text).toContain('app_requests 9');
    expect(text).toContain('wasmcustom_requests 3');
    expect(text).toContain('wasm_vm_failures{plugin="p"} 0');
    expect(await host.metrics.toPrometheus()).not.toContain('app_requests');
    await host.close();
    expect((await registry.metrics()).trim().split('\n')).toHaveLength(3);
  });

  it.each<[string, object, string]>([
    [
      'a registry that is none',
      { registry: {} },
      "metrics.registry must be a registry of prom-client's",
    ],
    ['a prefix', { prefix: '9x' }, 'metrics.prefix must be letters'],
    ['a tag', { tags: { a: '(b)' } }, 'metrics.tags.a must be a regular expression'],
    ['buckets', { buckets: [2, 1] }, 'metrics.buckets must be numbers in ascending order'],
    ['no buckets', { buckets: [] }, 'metrics.buckets must be numbers in ascending order'],
  ])('refuse options that are wrong: %s', (_what, metrics, message) => {
    expect(() => createHost({ metrics: metrics })).toThrow(message);
  });
});

describe('the host’s figures', () => {
  const ticking = script({
    proxy_on_configure: [{ setTickPeriod: 100 }],
    proxy_on_tick: [{ trap: true }],
  });

  it('count VMs and their memory', async () => {
    const { host } = newHost();
    const code = await counting;
    const plugin = await host.createPlugin({ code, name: 'p' });
    await host.createPlugin({ code, name: 'p' });
    expect([figure(host, 'wasm.created'), figure(host, 'wasm.active')]).toEqual([2, 2]);
    expect(figure(host, 'wasm.vm_memory_size', 'p')).toBe(2 * 4 * 65_536);
    await plugin.close();
    expect([figure(host, 'wasm.created'), figure(host, 'wasm.active')]).toEqual([2, 1]);
    expect(figure(host, 'wasm.vm_memory_size', 'p')).toBe(4 * 65_536);
    expect(figure(host, 'wasm.vm_memory_high_water', 'p')).toBe(2 * 4 * 65_536);
  });

  it('count a VM once, however many plugins are on it', async () => {
    const { host } = newHost();
    const options = { code: await counting, name: 'p', vm: { id: 'v' } };
    await host.createPlugin(options);
    await host.createPlugin(options);
    await host.createPlugin({ ...options, rootId: 'r' });
    expect(figure(host, 'wasm.active')).toBe(1);
    expect(figure(host, 'wasm.vm_memory_size', 'p')).toBe(4 * 65_536);
  });

  it('do not count a VM that did not start as alive', async () => {
    const { host } = newHost();
    const code = await script({ proxy_on_configure: [{ return: 0 }] });
    await expect(host.createPlugin({ code, name: 'p' })).rejects.toThrow();
    expect([figure(host, 'wasm.active'), figure(host, 'wasm.vm_failures', 'p')]).toEqual([
      0,
      undefined,
    ]);
  });

  it('count failures, new starts, and streams that came too early for one', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { host, clock } = newHost();
    const plugin = await host.createPlugin({ code: await ticking, name: 'p' });
    clock.advance(100);
    expect(figure(host, 'wasm.active')).toBe(0);
    expect(plugin.context).toBeUndefined();
    expect(plugin.context).toBeUndefined();
    expect(figure(host, 'wasm.vm_reload_backoff', 'p')).toBe(2);
    vi.advanceTimersByTime(2_000);
    expect(plugin.state).toBe('running');
    expect([
      figure(host, 'wasm.vm_failures', 'p'),
      figure(host, 'wasm.vm_reload_success', 'p'),
      figure(host, 'wasm.vm_reload_failure', 'p'),
      figure(host, 'wasm.active'),
    ]).toEqual([1, 1, 0, 1]);
  });

  it('count new starts that fail', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    const { host, clock } = newHost();
    const code = await script({
      proxy_on_configure: [
        { setTickPeriod: 100 },
        { logSharedData: 'k' },
        // Ok only the first time, when there is no such key.
        { wat: '(if (i32.eqz (global.get $status)) (then (return (i32.const 0))))' },
        { setSharedData: ['k', 'v', 0] },
      ],
      proxy_on_tick: [{ trap: true }],
    });
    await host.createPlugin({ code, name: 'p' });
    clock.advance(100);
    vi.advanceTimersByTime(2_000);
    expect(figure(host, 'wasm.vm_reload_failure', 'p')).toBe(1);
  });

  it('go with the last plugin of their name', async () => {
    const { host } = newHost();
    const options = { code: await counting, name: 'p' };
    const plugins = [await host.createPlugin(options), await host.createPlugin(options)];
    await plugins[0]?.close();
    expect(figure(host, 'wasm.streams', 'p')).toBe(0);
    await plugins[1]?.close();
    expect(figure(host, 'wasm.streams', 'p')).toBeUndefined();
  });

  it('count lines that a logger throws at', async () => {
    const info = () => {
      throw new Error('disk full');
    };
    const { host } = newHost();
    await host.createPlugin({ code: await counting, logger: { info } });
    expect(figure(host, 'wasm.log_lines_dropped')).toBe(1);
  });
});
