import { MetricType } from '../abi/types.js';
import type { MetricStore, StoredHistogram, StoredMetric } from './metric-store.js';

/** Envoy's, made for milliseconds. */
export const DEFAULT_BUCKETS: readonly number[] = [
  0.5, 1, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000, 30_000, 60_000, 300_000, 600_000,
  1_800_000, 3_600_000,
];

/** A filter that names metrics by user or path must not fill the memory. */
const MAX_METRICS = 65_536;
const FIRST_SIZE = 64;

interface Metric {
  readonly name: string;
  readonly type: MetricType;
  readonly histogram: Histogram | undefined;
}

/**
 * Metrics in this process's memory. Values lie in an array of 64-bit words, where adding allocates
 * nothing and wraps as the ABI's numbers do.
 */
export class MemoryMetrics implements MetricStore {
  readonly #buckets: readonly number[];
  readonly #maximum: number;
  readonly #byName = new Map<string, number>();
  readonly #metrics: Metric[] = [];
  #values = new BigUint64Array(FIRST_SIZE);

  /** @param buckets upper bounds of histograms' buckets, ascending */
  constructor(buckets: readonly number[] = DEFAULT_BUCKETS, maximum = MAX_METRICS) {
    this.#buckets = buckets;
    this.#maximum = maximum;
  }

  define(type: MetricType, name: string): number | 'other-type' | 'full' {
    const known = this.#byName.get(name);
    if (known !== undefined) return this.#metrics[known]?.type === type ? known : 'other-type';
    const metric = this.#metrics.length;
    if (metric >= this.#maximum) return 'full';
    const isHistogram = type === MetricType.HISTOGRAM;
    const histogram = isHistogram ? new Histogram(this.#buckets) : undefined;
    this.#metrics.push({ name, type, histogram });
    this.#byName.set(name, metric);
    if (metric >= this.#values.length) this.#grow();
    return metric;
  }

  add(metric: number, delta: bigint): void {
    const values = this.#values;
    const value = values[metric];
    if (value !== undefined) values[metric] = value + delta;
  }

  set(metric: number, value: bigint): void {
    if (metric < this.#values.length) this.#values[metric] = value;
  }

  record(metric: number, value: bigint): void {
    this.#metrics[metric]?.histogram?.record(Number(BigInt.asUintN(64, value)));
  }

  get(metric: number): bigint {
    return this.#values[metric] ?? 0n;
  }

  read(): StoredMetric[] {
    return this.#metrics.map(({ name, type, histogram }, metric) => {
      if (histogram === undefined) return { name, type, value: this.get(metric) };
      return { name, type, value: 0n, histogram: histogram.read() };
    });
  }

  #grow(): void {
    const values = new BigUint64Array(this.#values.length * 2);
    values.set(this.#values);
    this.#values = values;
  }
}

class Histogram {
  readonly #bounds: readonly number[];
  readonly #counts: Float64Array;
  #sum = 0;

  constructor(bounds: readonly number[]) {
    this.#bounds = [...bounds, Infinity];
    this.#counts = new Float64Array(this.#bounds.length);
  }

  record(value: number): void {
    const index = this.#bounds.findIndex((bound) => value <= bound);
    this.#counts[index] = (this.#counts[index] ?? 0) + 1;
    this.#sum += value;
  }

  read(): StoredHistogram {
    const buckets = this.#bounds.map((bound, index) => [bound, this.#counts[index] ?? 0] as const);
    const count = buckets.reduce((total, [, each]) => total + each, 0);
    return { count, sum: this.#sum, buckets };
  }
}
