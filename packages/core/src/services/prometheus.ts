import type { MetricSample } from './metric-samples.js';

/** What this host uses of prom-client's Registry. */
export interface MetricRegistry {
  /** Throws where there is one of that name. */
  registerMetric(metric: never): void;
  /** By its name; undefined: there is none. */
  getSingleMetric(name: string): unknown;
  /** By its name. */
  removeSingleMetric(name: string): void;
}

/** What a registry of prom-client reads of a metric; a whole family, so that labels may vary. */
interface ExposedMetric {
  name: string;
  readonly help: string;
  readonly type: MetricSample['type'];
  readonly aggregator: 'sum';
  readonly values: ExposedValue[];
}

interface ExposedValue {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  /** Where it is not the family's. */
  readonly metricName?: string;
}

/** Where the metric of one sample is exposed. */
interface Place {
  readonly family: Family;
  readonly labels: Readonly<Record<string, string>>;
}

/**
 * Shows samples in a registry, under names and labels that Prometheus accepts. Nothing is counted
 * twice: the registry asks for the numbers when it is read. Two metrics whose names come to the same
 * (`a.b` and `a_b`) are told apart by a number at the end.
 */
export class PrometheusExposition {
  readonly #read: () => MetricSample[];
  readonly #registry: MetricRegistry;
  readonly #prefix: string;
  readonly #families = new Map<string, Family>();
  /** Names that samples of families take, histograms' with their endings. */
  readonly #taken = new Set<string>();
  readonly #places = new Map<string, Place>();
  /** Values by family, for the time of one reading of the registry. */
  #reading: Map<Family, ExposedValue[]> | undefined;

  /** @param prefix of filters' metrics; the host's own have none */
  constructor(read: () => MetricSample[], registry: MetricRegistry, prefix: string) {
    this.#read = read;
    this.#registry = registry;
    this.#prefix = prefix;
  }

  /** Registers what is new. */
  update(): void {
    for (const sample of this.#read()) this.add(sample);
  }

  /** Registers one metric, if it is new. */
  add(sample: MetricSample): void {
    this.#placeOf(sample);
  }

  /** Takes everything out of the registry. */
  close(): void {
    for (const { name } of this.#families.values()) this.#registry.removeSingleMetric(name);
    this.#families.clear();
  }

  /** The values of one family. All families are read together, since a registry asks for each. */
  valuesOf(family: Family): ExposedValue[] {
    this.#reading ??= this.#readAll();
    return this.#reading.get(family) ?? [];
  }

  #readAll(): Map<Family, ExposedValue[]> {
    const values = new Map<Family, ExposedValue[]>();
    for (const sample of this.#read()) {
      const { family, labels } = this.#placeOf(sample);
      const list = values.get(family) ?? [];
      values.set(family, list);
      list.push(...toValues(sample, family.name, labels));
    }
    queueMicrotask(() => {
      this.#reading = undefined;
    });
    return values;
  }

  #placeOf(sample: MetricSample): Place {
    const { name, type, source } = sample;
    const key = JSON.stringify([source, type, name, sample.labels]);
    let place = this.#places.get(key);
    if (place === undefined) {
      place = this.#findPlace(sample);
      this.#places.set(key, place);
    }
    return place;
  }

  #findPlace({ name, type, source, labels: given }: MetricSample): Place {
    const labels = toLabels(given, type);
    const key = JSON.stringify(Object.entries(labels).sort());
    const base = toName(source === 'filter' ? this.#prefix + name : name);
    for (let number = 1; ; number += 1) {
      const candidate = number === 1 ? base : `${base}_${String(number)}`;
      const family = this.#families.get(candidate) ?? this.#makeFamily(candidate, type, name);
      if (family?.type !== type || family.taken.has(key)) continue;
      family.taken.add(key);
      return { family, labels };
    }
  }

  /** undefined: somebody else has the name. */
  #makeFamily(name: string, type: MetricSample['type'], of: string): Family | undefined {
    const names = namesOf(name, type);
    const isTaken = names.some((each) => this.#taken.has(each));
    if (isTaken || this.#registry.getSingleMetric(name) !== undefined) return undefined;
    const family = new Family(name, type, `Wasm: ${of}`, this);
    this.#registry.registerMetric(family as never);
    this.#families.set(name, family);
    for (const each of names) this.#taken.add(each);
    return family;
  }
}

/** All metrics of one exposed name. */
class Family {
  /** A registry for OpenMetrics takes `_total` off it. */
  name: string;
  readonly type: MetricSample['type'];
  readonly help: string;
  readonly aggregator = 'sum';
  /** Combinations of labels that metrics have. */
  readonly taken = new Set<string>();
  readonly #exposition: PrometheusExposition;

  constructor(
    name: string,
    type: MetricSample['type'],
    help: string,
    exposition: PrometheusExposition,
  ) {
    this.name = name;
    this.type = type;
    this.help = help;
    this.#exposition = exposition;
  }

  get(): Promise<ExposedMetric> {
    const { name, help, type, aggregator } = this;
    const values = this.#exposition.valuesOf(this);
    return Promise.resolve({ name, help, type, aggregator, values });
  }

  /** The registry's `resetMetrics`; what filters have counted is theirs. */
  reset(): void {
    // Nothing is kept here.
  }
}

function toValues(
  { type, value, sum = 0, buckets = [] }: MetricSample,
  name: string,
  labels: Readonly<Record<string, string>>,
): ExposedValue[] {
  if (type !== 'histogram') return [{ labels, value }];
  const inBuckets = buckets.map(({ upTo, count }) => ({
    labels: { ...labels, le: upTo === Infinity ? '+Inf' : String(upTo) },
    value: count,
    metricName: `${name}_bucket`,
  }));
  return [
    ...inBuckets,
    { labels, value: sum, metricName: `${name}_sum` },
    { labels, value, metricName: `${name}_count` },
  ];
}

function namesOf(name: string, type: MetricSample['type']): string[] {
  if (type !== 'histogram') return [name];
  return [name, `${name}_bucket`, `${name}_sum`, `${name}_count`];
}

function toName(name: string): string {
  const plain = name.replace(/[^A-Za-z0-9_:]/g, '_');
  return /^[A-Za-z_:]/.test(plain) ? plain : `_${plain}`;
}

function toLabels(
  given: Readonly<Record<string, string>>,
  type: MetricSample['type'],
): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [name, value] of Object.entries(given)) {
    let plain = name.replace(/[^A-Za-z0-9_]/g, '_').replace(/^(?=\d)/, '_');
    const isReserved = plain.startsWith('__') || (type === 'histogram' && plain === 'le');
    if (isReserved) plain = `label_${plain}`;
    while (Object.hasOwn(labels, plain)) plain += '_';
    labels[plain] = value;
  }
  return labels;
}
