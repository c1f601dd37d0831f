import type { MetricType } from '../abi/types.js';
import { HostFigures, type PluginFigures } from './host-figures.js';
import { MemoryMetrics } from './memory-metrics.js';
import { MetricSampler, type MetricSample, type MetricTags } from './metric-samples.js';
import type { MetricStore } from './metric-store.js';
import { PrometheusExposition, type MetricRegistry } from './prometheus.js';

export interface MetricsOptions {
  /**
   * A registry of prom-client's, as the app may have one: metrics appear in it too, from the moment
   * a filter defines them until the host closes. {@link MetricsView.toPrometheus} needs none.
   */
  registry?: MetricRegistry;
  /** Put in front of filters' metrics for Prometheus; default `wasmcustom_`. */
  prefix?: string;
  /** Labels that are part of filters' names. Istio's (`label=.=value;.;`) are found without. */
  tags?: MetricTags;
  /** Upper bounds of histograms' buckets, ascending; default: Envoy's, made for milliseconds. */
  buckets?: readonly number[];
}

/** Filters' metrics, and the host's own figures about filters. */
export interface MetricsView {
  read(): MetricSample[];
  /** In Prometheus' text format. */
  toPrometheus(): Promise<string>;
}

const DEFAULT_PREFIX = 'wasmcustom_';

export class HostMetrics implements MetricsView {
  readonly store: MetricStore;
  readonly figures = new HostFigures();
  readonly #sampler: MetricSampler;
  readonly #options: MetricsOptions;
  /** In the app's registry. */
  readonly #exposition: PrometheusExposition | undefined;
  #ownRegistry: Promise<OwnRegistry> | undefined;
  /** The metric that was defined last, of those that this host has seen. */
  #lastMetric = -1;

  constructor(options: MetricsOptions = {}, store?: MetricStore) {
    this.store = store ?? new MemoryMetrics(options.buckets);
    this.#options = options;
    this.#sampler = new MetricSampler(options.tags ?? {});
    if (options.registry !== undefined) this.#exposition = this.#expose(options.registry);
    this.#exposition?.update();
  }

  /** As {@link MetricStore.define}; a new metric appears in the app's registry at once. */
  define(type: MetricType, name: string): number | 'other-type' | 'full' {
    const metric = this.store.define(type, name);
    if (typeof metric === 'number' && metric > this.#lastMetric) {
      this.#lastMetric = metric;
      this.#exposition?.add(this.#sampler.toSample({ name, type, value: 0n }));
    }
    return metric;
  }

  /** As {@link HostFigures.acquire}; they appear in the app's registry at once. */
  acquireFigures(plugin: string): PluginFigures {
    const figures = this.figures.acquire(plugin);
    this.#exposition?.update();
    return figures;
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

  /** Takes the metrics out of the app's registry. */
  close(): void {
    this.#exposition?.close();
  }

  /** prom-client is loaded when it is first needed. */
  async #makeRegistry(): Promise<OwnRegistry> {
    const { Registry } = await import('prom-client');
    const registry = new Registry();
    return { registry, exposition: this.#expose(registry) };
  }

  #expose(registry: MetricRegistry): PrometheusExposition {
    const { prefix = DEFAULT_PREFIX } = this.#options;
    return new PrometheusExposition(this.read, registry, prefix);
  }
}

interface OwnRegistry {
  readonly registry: { metrics(): Promise<string> };
  readonly exposition: PrometheusExposition;
}
