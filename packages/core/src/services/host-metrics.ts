import type { MetricType } from '../abi/types.js';
import type { ReturnHook } from './callback-figures.js';
import { durationSample, HostFigures, type PluginFigures } from './host-figures.js';
import { DEFAULT_BUCKETS, MemoryMetrics } from './memory-metrics.js';
import { MetricSampler, type MetricSample, type MetricTags } from './metric-samples.js';
import type { MetricStore } from './metric-store.js';
import { OpenTelemetryExposition, type OpenTelemetryMeter } from './opentelemetry.js';
import { PrometheusExposition, type MetricRegistry } from './prometheus.js';

/** How metrics are named, and who gets them. */
export interface MetricsOptions {
  /**
   * A registry of prom-client's, as the app may have one: metrics appear in it too, from the moment
   * a filter defines them until the host closes. {@link MetricsView.toPrometheus} needs none.
   */
  registry?: MetricRegistry;
  /** A meter of `@opentelemetry/api`, as the app may have one: metrics are shown there too. */
  meter?: OpenTelemetryMeter;
  /** Put in front of filters' metrics, except by `read`; default `wasmcustom_`. */
  prefix?: string;
  /** Labels that are part of filters' names. Istio's (`label=.=value;.;`) are found without. */
  tags?: MetricTags;
  /** Upper bounds of histograms' buckets, ascending; default: Envoy's, made for milliseconds. */
  buckets?: readonly number[];
}

/** Filters' metrics, and the host's own figures about filters. */
export interface MetricsView {
  /** Every metric as it is now. */
  read(): MetricSample[];
  /** In Prometheus' text format. */
  toPrometheus(): Promise<string>;
}

/** A meter is told of each time: it asks for no sums. */
const NO_DURATIONS = { count: 0, sumSeconds: 0, counts: new Float64Array(0) };

const DEFAULT_PREFIX = 'wasmcustom_';

export class HostMetrics implements MetricsView {
  readonly store: MetricStore;
  readonly figures: HostFigures;
  readonly #sampler: MetricSampler;
  readonly #prefix: string;
  readonly #meter: OpenTelemetryExposition | undefined;
  /** Where the app has metrics of its own. */
  readonly #expositions: (PrometheusExposition | OpenTelemetryExposition)[] = [];
  /** Histograms that a meter is told of, without their numbers. */
  readonly #histograms = new Map<number, MetricSample>();
  #ownRegistry: Promise<OwnRegistry> | undefined;
  /** The metric that was defined last, of those that this host has seen. */
  #lastMetric = -1;

  /** @param onReturn how the end of a callback is heard of; absent: callbacks are not counted */
  constructor(options: MetricsOptions = {}, store?: MetricStore, onReturn?: ReturnHook) {
    const {
      registry,
      meter,
      prefix = DEFAULT_PREFIX,
      tags = {},
      buckets = DEFAULT_BUCKETS,
    } = options;
    this.store = store ?? new MemoryMetrics(buckets);
    this.figures = new HostFigures(onReturn);
    this.#sampler = new MetricSampler(tags);
    this.#prefix = prefix;
    if (registry !== undefined) this.#expositions.push(this.#expose(registry));
    if (meter !== undefined) {
      this.#meter = new OpenTelemetryExposition(this.read, meter, { prefix, buckets });
      this.#expositions.push(this.#meter);
    }
    this.#update();
  }

  /** As {@link MetricStore.define}; a new metric appears in what the app has at once. */
  define(type: MetricType, name: string): number | 'other-type' | 'full' {
    const metric = this.store.define(type, name);
    if (typeof metric === 'number' && metric > this.#lastMetric) {
      this.#lastMetric = metric;
      this.#add(metric, this.#sampler.toSample({ name, type, value: 0n }));
    }
    return metric;
  }

  /** As {@link MetricStore.record}. */
  record(metric: number, value: bigint): void {
    this.store.record(metric, value);
    if (this.#meter === undefined) return;
    const sample = this.#histograms.get(metric);
    if (sample !== undefined) this.#meter.record(sample, Number(BigInt.asUintN(64, value)));
  }

  /** As {@link HostFigures.acquire}; they appear in what the app has at once. */
  acquireFigures(plugin: string): PluginFigures {
    const figures = this.figures.acquire(plugin);
    const meter = this.#meter;
    if (meter !== undefined && figures.callbacks !== null) {
      figures.callbacks.onTimed = (callback, seconds) => {
        meter.recordLater(durationSample(NO_DURATIONS, { plugin, callback }), seconds);
      };
    }
    this.#update();
    return figures;
  }

  /** Figures of callbacks appear in what the app has once there are some. */
  pluginStarted(): void {
    this.#update();
  }

  read = (): MetricSample[] => {
    const metrics = this.store.read().map((metric) => this.#sampler.toSample(metric));
    return [...metrics, ...this.figures.read()];
  };

  toPrometheus = async (): Promise<string> => {
    this.#ownRegistry ??= this.#makeRegistry();
    const { registry, exposition } = await this.#ownRegistry;
    exposition.update();
    return registry.metrics();
  };

  /** Takes the metrics out of what the app has. */
  close(): void {
    for (const exposition of this.#expositions) exposition.close();
  }

  #add(metric: number, sample: MetricSample): void {
    if (this.#meter !== undefined && sample.type === 'histogram') {
      this.#histograms.set(metric, sample);
    }
    for (const exposition of this.#expositions) exposition.add(sample);
  }

  #update(): void {
    for (const exposition of this.#expositions) exposition.update();
  }

  /** prom-client is loaded when it is first needed. */
  async #makeRegistry(): Promise<OwnRegistry> {
    const { Registry } = await import('prom-client');
    const registry = new Registry();
    return { registry, exposition: this.#expose(registry) };
  }

  #expose(registry: MetricRegistry): PrometheusExposition {
    return new PrometheusExposition(this.read, registry, this.#prefix);
  }
}

interface OwnRegistry {
  readonly registry: { metrics(): Promise<string> };
  readonly exposition: PrometheusExposition;
}
