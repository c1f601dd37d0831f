import { messageOf } from '../errors.js';
import type { MetricSample } from './metric-samples.js';

/** What this host uses of a meter of `@opentelemetry/api`; the app brings its own. */
export interface OpenTelemetryMeter {
  /** Its values are read when the meter asks. */
  createObservableCounter(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Its values are read when the meter asks. */
  createObservableGauge(name: string, options?: InstrumentOptions): ObservableInstrument;
  /** Each sample is recorded as it comes. */
  createHistogram(name: string, options?: InstrumentOptions): HistogramInstrument;
}

interface InstrumentOptions {
  description?: string;
  advice?: { explicitBucketBoundaries?: number[] };
}

interface ObservableInstrument {
  addCallback(callback: ObservableCallback): void;
  removeCallback(callback: ObservableCallback): void;
}

type Labels = Readonly<Record<string, string>>;
type ObservableCallback = (result: { observe(value: number, attributes?: Labels): void }) => void;

interface HistogramInstrument {
  record(value: number, attributes?: Labels): void;
}

/**
 * Shows samples through a meter. Counters and gauges are observed when the app's SDK collects;
 * OpenTelemetry has no such histogram, so each sample of one is handed on as it comes.
 */
export class OpenTelemetryExposition {
  readonly #read: () => MetricSample[];
  readonly #meter: OpenTelemetryMeter;
  readonly #prefix: string;
  readonly #buckets: readonly number[];
  readonly #observed = new Map<string, () => void>();
  readonly #histograms = new Map<string, HistogramInstrument>();
  /** By instrument, for the time of one collection. */
  #collected: Map<string, MetricSample[]> | undefined;

  constructor(
    read: () => MetricSample[],
    meter: OpenTelemetryMeter,
    { prefix, buckets }: { prefix: string; buckets: readonly number[] },
  ) {
    this.#read = read;
    this.#meter = meter;
    this.#prefix = prefix;
    this.#buckets = buckets;
  }

  /** Makes the instruments of what is new. */
  update(): void {
    for (const sample of this.#read()) this.add(sample);
  }

  /** Makes the instrument of one metric, if it is new. */
  add(sample: MetricSample): void {
    const key = keyOf(sample);
    if (sample.type === 'histogram' || this.#observed.has(key)) return;
    const options = { description: describe(sample) };
    const name = this.#nameOf(sample);
    const instrument =
      sample.type === 'counter'
        ? this.#meter.createObservableCounter(name, options)
        : this.#meter.createObservableGauge(name, options);
    const callback: ObservableCallback = (result) => {
      for (const { value, labels } of this.#samplesOf(key)) result.observe(value, labels);
    };
    instrument.addCallback(callback);
    this.#observed.set(key, () => {
      instrument.removeCallback(callback);
    });
  }

  /** Hands on one sample of a histogram. */
  record(sample: MetricSample, value: number): void {
    const key = keyOf(sample);
    let instrument = this.#histograms.get(key);
    if (instrument === undefined) {
      const own = sample.buckets?.map(({ upTo }) => upTo).filter(Number.isFinite);
      const advice = { explicitBucketBoundaries: own ?? [...this.#buckets] };
      const options = { description: describe(sample), advice };
      instrument = this.#meter.createHistogram(this.#nameOf(sample), options);
      this.#histograms.set(key, instrument);
    }
    instrument.record(value, sample.labels);
  }

  /** As `record`, where an error of the meter's must not come through: nobody there waits for it. */
  recordLater(sample: MetricSample, value: number): void {
    queueMicrotask(() => {
      try {
        this.record(sample, value);
      } catch (error) {
        process.emitWarning(`the meter of the option metrics failed: ${messageOf(error)}`);
      }
    });
  }

  /** The meter asks no more; a meter can not forget an instrument. */
  close(): void {
    for (const remove of this.#observed.values()) remove();
    this.#observed.clear();
  }

  /** All are read together, since a collection asks instrument by instrument. */
  #samplesOf(key: string): MetricSample[] {
    if (this.#collected === undefined) {
      this.#collected = new Map();
      for (const sample of this.#read()) {
        const samples = this.#collected.get(keyOf(sample)) ?? [];
        this.#collected.set(keyOf(sample), samples);
        samples.push(sample);
      }
      queueMicrotask(() => {
        this.#collected = undefined;
      });
    }
    return this.#collected.get(key) ?? [];
  }

  /** OpenTelemetry's names begin with a letter and have at most 255 characters. */
  #nameOf({ name, source }: MetricSample): string {
    const plain = (source === 'filter' ? this.#prefix + name : name).replace(/[^\w.\-/]/g, '_');
    return (/^[A-Za-z]/.test(plain) ? plain : `m${plain}`).slice(0, 255);
  }
}

function keyOf({ source, type, name }: MetricSample): string {
  return `${source} ${type} ${name}`;
}

function describe({ name }: MetricSample): string {
  return `Wasm: ${name}`;
}
