import type { MetricType } from '../abi/types.js';

/**
 * Where metrics are kept. Synchronous and atomic, as the rest of {@link SharedState}; values are
 * unsigned, 64 bits, and wrap.
 */
export interface MetricStore {
  /**
   * Makes a metric, or finds it again: one name is one metric, whoever asks.
   *
   * @param name as the guest gives it, one character per byte
   * @returns what the other methods know it by: from 0 on; 'other-type': the name is a metric of
   *   another type; 'full': no more metrics
   */
  define(type: MetricType, name: string): number | 'other-type' | 'full';
  /** Adds to a counter or gauge. */
  add(metric: number, delta: bigint): void;
  /** Sets a gauge. */
  set(metric: number, value: bigint): void;
  /** Adds a sample to a histogram. */
  record(metric: number, value: bigint): void;
  /** Of a counter or gauge. */
  get(metric: number): bigint;
  /** All there are, in the order in which they were made. */
  read(): StoredMetric[];
}

/** What a store keeps of a counter or a gauge, or of a histogram. */
export interface StoredMetric {
  readonly name: string;
  readonly type: MetricType;
  /** Of a counter or gauge; 0 of a histogram. */
  readonly value: bigint;
  readonly histogram?: StoredHistogram;
}

/** What a store keeps of a histogram. */
export interface StoredHistogram {
  readonly count: number;
  readonly sum: number;
  /** Samples up to this bound and above the one before; the last bound is Infinity. */
  readonly buckets: readonly (readonly [upperBound: number, count: number])[];
}
