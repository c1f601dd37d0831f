import { Registry } from 'prom-client';
import { describe, expect, it } from 'vitest';

import type { MetricSample } from '../../src/services/metric-samples.js';
import { PrometheusExposition } from '../../src/services/prometheus.js';

const sample = (name: string, value: number, more: Partial<MetricSample> = {}): MetricSample => ({
  name,
  type: 'counter',
  labels: {},
  value,
  source: 'filter',
  ...more,
});

async function expose(samples: MetricSample[], registry = new Registry(), prefix = 'w_') {
  const exposition = new PrometheusExposition(() => samples, registry, prefix);
  exposition.update();
  const text = await registry.metrics();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('# HELP'));
  return { exposition, registry, lines };
}

describe('names', () => {
  it('have the prefix, and only characters that Prometheus takes', async () => {
    const { lines } = await expose([sample('a.b-c d', 1), sample('größe', 2), sample('9', 3)]);
    expect(lines).toEqual([
      '# TYPE w_a_b_c_d counter',
      'w_a_b_c_d 1',
      '# TYPE w_gr__e counter',
      'w_gr__e 2',
      '# TYPE w_9 counter',
      'w_9 3',
    ]);
  });

  it('never begin with a digit, and are never empty', async () => {
    const { lines } = await expose([sample('9', 1), sample('', 2)], new Registry(), '');
    expect(lines.filter((line) => !line.startsWith('#'))).toEqual(['_9 1', '_ 2']);
  });

  it('of the host have no prefix', async () => {
    const { lines } = await expose([sample('wasm.created', 1, { source: 'host' })]);
    expect(lines).toContain('wasm_created 1');
  });

  it('that come to the same are told apart', async () => {
    const { lines } = await expose([
      sample('a.b', 1),
      sample('a_b', 2),
      sample('a-b', 3, { type: 'gauge' }),
      sample('a/b', 4, { labels: { x: '1' } }),
    ]);
    expect(lines).toEqual([
      '# TYPE w_a_b counter',
      'w_a_b 1',
      'w_a_b{x="1"} 4',
      '# TYPE w_a_b_2 counter',
      'w_a_b_2 2',
      '# TYPE w_a_b_3 gauge',
      'w_a_b_3 3',
    ]);
  });

  it('keep clear of what histograms take', async () => {
    const histogram: Partial<MetricSample> = { type: 'histogram', sum: 0, buckets: [] };
    const { lines } = await expose([
      sample('h', 0, histogram),
      sample('h_count', 1),
      sample('i_sum', 2),
      sample('i', 0, histogram),
    ]);
    expect(lines.filter((line) => line.startsWith('# TYPE'))).toEqual([
      '# TYPE w_h histogram',
      '# TYPE w_h_count_2 counter',
      '# TYPE w_i_sum counter',
      '# TYPE w_i_2 histogram',
    ]);
  });

  it('keep clear of the app’s own', async () => {
    const registry = new Registry();
    registry.registerMetric({
      name: 'w_a',
      get: () => ({ name: 'w_a', help: '', values: [] }),
    } as never);
    const { lines } = await expose([sample('a', 1)], registry);
    expect(lines).toContain('w_a_2 1');
  });
});

describe('labels', () => {
  it('have names that Prometheus takes, none twice, and any value', async () => {
    const labels = { 'a.b': 'x', a_b: 'y', '1st': 'z', __name__: 'n', text: 'a"b\\c\nd' };
    const { lines } = await expose([sample('m', 1, { labels })]);
    expect(lines[1]).toBe(
      'w_m{a_b="x",a_b_="y",_1st="z",label___name__="n",text="a\\"b\\\\c\\nd"} 1',
    );
  });
});

it('a histogram has buckets, sum and count', async () => {
  const { lines } = await expose([
    sample('h', 3, {
      type: 'histogram',
      labels: { x: '1', le: 'mine' },
      sum: 12.5,
      buckets: [
        { upTo: 0.5, count: 1 },
        { upTo: Infinity, count: 3 },
      ],
    }),
  ]);
  expect(lines).toEqual([
    '# TYPE w_h histogram',
    'w_h_bucket{x="1",label_le="mine",le="0.5"} 1',
    'w_h_bucket{x="1",label_le="mine",le="+Inf"} 3',
    'w_h_sum{x="1",label_le="mine"} 12.5',
    'w_h_count{x="1",label_le="mine"} 3',
  ]);
});

it('is read anew each time, and only once for all families', async () => {
  let reads = 0;
  const samples = ['a', 'b', 'c'].map((name) => sample(name, 1));
  const registry = new Registry();
  const read = () => {
    reads += 1;
    return samples;
  };
  new PrometheusExposition(read, registry, '').update();
  reads = 0;
  await registry.metrics();
  expect(reads).toBe(1);
  samples[0]!.value = 5;
  expect(await registry.metrics()).toContain('a 5');
  expect(reads).toBe(2);
});

it('takes everything out of the registry when it closes', async () => {
  const { exposition, registry } = await expose([sample('a', 1)]);
  exposition.close();
  expect((await registry.metrics()).trim()).toBe('');
});

it('works with OpenMetrics, JSON and resets', async () => {
  const registry = new Registry();
  registry.setContentType(Registry.OPENMETRICS_CONTENT_TYPE as never);
  const { lines } = await expose([sample('hits_total', 1)], registry);
  expect(lines).toContain('w_hits_total 1');
  const plain = await expose([sample('a', 1)]);
  plain.registry.resetMetrics();
  expect(await plain.registry.getMetricsAsJSON()).toMatchObject([
    { name: 'w_a', type: 'counter', values: [{ value: 1, labels: {} }] },
  ]);
});
