import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { MetricType } from '../../src/abi/types.js';
import { MemoryMetrics } from '../../src/services/memory-metrics.js';
import { MetricSampler, type MetricTags } from '../../src/services/metric-samples.js';

const split = (name: string, tags: MetricTags = {}) => {
  const latin1 = Buffer.from(name).toString('latin1');
  const sampler = new MetricSampler(tags);
  const sample = sampler.toSample({ type: MetricType.COUNTER, name: latin1, value: 1n });
  return [sample.name, sample.labels];
};

describe('names', () => {
  it.each<[string, string, Record<string, string>]>([
    ['plain', 'plain', {}],
    ['größe.x', 'größe.x', {}],
    ['_with_underscores_', '_with_underscores_', {}],
    [
      'reporter=.=source;.;response_code=.=200;.;_istio_requests_total',
      'istio_requests_total',
      { reporter: 'source', response_code: '200' },
    ],
    [
      'istiocustom.istio_requests_total.reporter=.=destination;.;app=.=;.;',
      'istio_requests_total',
      { reporter: 'destination', app: '' },
    ],
    ['path=.=/a=.=b;c.d;.;hits', 'hits', { path: '/a=.=b;c.d' }],
    ['wasmcustom.filter_hits', 'filter_hits', {}],
    ['a=.=b', 'a=.=b', {}],
  ])('%s', (full, name, labels) => {
    expect(split(full)).toEqual([name, labels]);
  });

  it('hold the labels that the options name, as Envoy’s stats_tags', () => {
    const tags = {
      value: /(_value=([a-zA-Z]+))/,
      reporter: /(_reporter=([a-zA-Z]+))/g,
      phase: /_phase_(in|out)/,
    };
    expect(split('custom_header_counts_value=foo_reporter=wasmgosdk', tags)).toEqual([
      'custom_header_counts',
      { value: 'foo', reporter: 'wasmgosdk' },
    ]);
    for (let time = 0; time < 2; time += 1) {
      expect(split('x_reporter=y', tags)).toEqual(['x', { reporter: 'y' }]);
    }
    expect(split('x_phase_in', tags)).toEqual(['x_phase_', { phase: 'in' }]);
  });

  it('of any text can be read', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), (name) => {
        expect(split(name, { t: /(a(b)?)/ })).toHaveLength(2);
      }),
    );
  });
});

describe('values', () => {
  const sampleOf = (type: MetricType, ...values: bigint[]) => {
    const store = new MemoryMetrics([1, 10]);
    const metric = store.define(type, 'm') as number;
    for (const value of values) {
      if (type === MetricType.HISTOGRAM) store.record(metric, value);
      else store.add(metric, value);
    }
    return new MetricSampler({}).toSample(store.read()[0]!);
  };

  it('of a counter', () => {
    expect(sampleOf(MetricType.COUNTER, 2n, 3n)).toEqual({
      name: 'm',
      type: 'counter',
      labels: {},
      value: 5,
      source: 'filter',
    });
  });

  it('of a gauge below 0', () => {
    expect(sampleOf(MetricType.GAUGE, -2n).value).toBe(-2);
  });

  it('of a histogram: bounds belong to their bucket, and counts add up', () => {
    expect(sampleOf(MetricType.HISTOGRAM, 0n, 1n, 2n, 10n, 11n)).toMatchObject({
      value: 5,
      sum: 24,
      buckets: [
        { upTo: 1, count: 2 },
        { upTo: 10, count: 4 },
        { upTo: Infinity, count: 5 },
      ],
    });
  });

  it('of many metrics each lie in their own place', () => {
    const store = new MemoryMetrics();
    const metrics = Array.from({ length: 300 }, (_, index) => {
      const metric = store.define(MetricType.COUNTER, String(index)) as number;
      store.add(metric, BigInt(index));
      return metric;
    });
    expect(metrics.map((metric) => Number(store.get(metric)))).toEqual(metrics);
  });

  it('of metrics that are not there are 0, and nothing is written', () => {
    const store = new MemoryMetrics();
    store.add(1000, 1n);
    store.set(1000, 1n);
    store.record(1000, 1n);
    expect([store.get(1000), store.read()]).toEqual([0n, []]);
  });
});
