import { metrics } from '@opentelemetry/api';
import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host, type OpenTelemetryMeter } from '../../src/index.js';

/** A meter that keeps what it is told, and asks when it is told to. */
class TestMeter implements OpenTelemetryMeter {
  readonly made: string[] = [];
  readonly recorded: unknown[] = [];
  readonly boundaries: (number[] | undefined)[] = [];
  readonly #callbacks = new Set<[string, Parameters<Instrument['addCallback']>[0]]>();

  createObservableCounter(name: string): Instrument {
    return this.#observable(`counter ${name}`);
  }
  createObservableGauge(name: string): Instrument {
    return this.#observable(`gauge ${name}`);
  }
  createHistogram(name: string, options?: { advice?: { explicitBucketBoundaries?: number[] } }) {
    this.made.push(`histogram ${name}`);
    this.boundaries.push(options?.advice?.explicitBucketBoundaries);
    return {
      record: (value: number, labels?: object) => this.recorded.push([name, value, labels]),
    };
  }

  collect(): unknown[] {
    const observed: unknown[] = [];
    for (const [name, callback] of this.#callbacks) {
      callback({ observe: (value, labels) => observed.push([name, value, labels]) });
    }
    return observed;
  }

  #observable(name: string): Instrument {
    this.made.push(name);
    const entries = new Map<unknown, [string, Parameters<Instrument['addCallback']>[0]]>();
    return {
      addCallback: (callback) => {
        entries.set(callback, [name, callback]);
        this.#callbacks.add(entries.get(callback)!);
      },
      removeCallback: (callback) => void this.#callbacks.delete(entries.get(callback)!),
    };
  }
}

type Instrument = ReturnType<OpenTelemetryMeter['createObservableCounter']>;

const hosts: Host[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

const counting = guest({
  callbacks: {
    proxy_on_configure: [
      { defineMetric: [0, 0, 'code=.=200;.;requests'] },
      { defineMetric: [1, 0, 'code=.=500;.;requests'] },
      { defineMetric: [2, 1, '9 open'] },
      { defineMetric: [3, 2, 'path=.=/;.;latency'] },
      { incrementMetric: [0, 3] },
      { incrementMetric: [1, 1] },
      { recordMetric: [2, 7] },
      { recordMetric: [3, 40] },
      { recordMetric: [3, 50] },
    ],
  },
});

async function plugInto(meter: OpenTelemetryMeter, prefix = '') {
  const host = createHost({ metrics: { meter, prefix, buckets: [1, 2] } });
  hosts.push(host);
  await host.createPlugin({ code: await counting, name: 'p' });
  return host;
}

describe('a meter', () => {
  it('has one instrument for each name, and observes counters and gauges when it collects', async () => {
    const meter = new TestMeter();
    await plugInto(meter);
    expect(meter.made).toEqual(expect.arrayContaining(['counter requests', 'gauge m9_open']));
    expect(meter.made.filter((name) => name.endsWith(' requests'))).toHaveLength(1);
    expect(meter.collect()).toEqual(
      expect.arrayContaining([
        ['counter requests', 3, { code: '200' }],
        ['counter requests', 1, { code: '500' }],
        ['gauge m9_open', 7, {}],
        ['counter wasm.created', 1, {}],
        ['counter wasm.vm_failures', 0, { plugin: 'p' }],
      ]),
    );
  });

  it('is told of each sample of a histogram', async () => {
    const meter = new TestMeter();
    await plugInto(meter, 'x_');
    expect(meter.recorded.slice(0, 2)).toEqual([
      ['x_latency', 40, { path: '/' }],
      ['x_latency', 50, { path: '/' }],
    ]);
    expect(meter.boundaries[0]).toEqual([1, 2]);
    expect(meter.made.filter((name) => name === 'histogram x_latency')).toHaveLength(1);
  });

  it('is told how long callbacks took, in seconds', async () => {
    const meter = new TestMeter();
    await plugInto(meter);
    const labels = { plugin: 'p', callback: 'proxy_on_configure' };
    expect(meter.recorded[2]).toEqual([
      'wasm.callback_duration_seconds',
      expect.any(Number),
      labels,
    ]);
    expect(meter.boundaries[1]?.[0]).toBe(1e-6);
    expect(meter.boundaries[1]?.at(-1)).toBe(1);
  });

  it('that throws at a time is heard of, and disturbs nobody', async () => {
    const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => undefined);
    const meter = new TestMeter();
    const createHistogram = (name: string) => ({
      record: () => {
        if (name.startsWith('wasm.')) throw new Error('full');
      },
    });
    await plugInto(Object.assign(meter, { createHistogram }));
    expect(warn.mock.calls).toEqual([['the meter of the option metrics failed: full']]);
    warn.mockRestore();
  });

  it('sees new numbers with each collection, and none once the host has closed', async () => {
    const meter = new TestMeter();
    const host = await plugInto(meter);
    meter.collect();
    await Promise.resolve();
    await host.createPlugin({ code: await counting });
    expect(meter.collect()).toContainEqual(['counter requests', 6, { code: '200' }]);
    await host.close();
    expect(meter.collect()).toEqual([]);
  });

  it('may be one of @opentelemetry/api', async () => {
    const host = await plugInto(metrics.getMeter('test'));
    expect(host.metrics.read().length).toBeGreaterThan(3);
  });

  it('must be one', () => {
    expect(() => createHost({ metrics: { meter: {} as never } })).toThrow(
      'metrics.meter must be a meter of @opentelemetry/api',
    );
  });
});
