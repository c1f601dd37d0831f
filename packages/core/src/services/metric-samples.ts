import { MetricType } from '../abi/types.js';
import type { StoredMetric } from './metric-store.js';

/** One metric as the app reads it. */
export interface MetricSample {
  /** As filter or host name it, without the labels that the name holds. */
  name: string;
  type: 'counter' | 'gauge' | 'histogram';
  labels: Readonly<Record<string, string>>;
  /** Of a histogram: how many samples. */
  value: number;
  /** Histograms only. */
  sum?: number;
  /** Histograms only: how many samples up to each bound, the last of which is Infinity. */
  buckets?: { upTo: number; count: number }[];
  /** Who counts: a filter, or the host about its filters. */
  source: 'filter' | 'host';
}

/**
 * Labels that are part of a metric's name, as Envoy's `stats_tags`: label by pattern. The pattern's
 * first group is taken out of the name; its second group, else its first, is the label's value.
 */
export type MetricTags = Readonly<Record<string, RegExp>>;

/** `label=.=value;.;`, which Istio's filters and Envoy configurations made for them use. */
const ISTIO_LABEL = /([A-Za-z_]\w*)=\.=(.*?);\.;/g;
/** What is left at both ends when labels have been taken out. */
const LEFTOVERS = /^[._;]+|[._;]+$/g;
const NAMESPACE = /^(?:wasmcustom|istiocustom)\./;

const TYPES = {
  [MetricType.COUNTER]: 'counter',
  [MetricType.GAUGE]: 'gauge',
  [MetricType.HISTOGRAM]: 'histogram',
} as const;

/** Makes samples of stored metrics. A name is looked into once, however often it is read. */
export class MetricSampler {
  readonly #tags: MetricTags;
  readonly #names = new Map<string, SplitName>();

  constructor(tags: MetricTags) {
    this.#tags = tags;
  }

  toSample({ type, value, histogram, name: full }: StoredMetric): MetricSample {
    const base = { ...this.#split(full), type: TYPES[type], source: 'filter' } as const;
    if (histogram === undefined) return { ...base, value: toNumber(type, value) };
    const { count, sum } = histogram;
    let upToHere = 0;
    const buckets = histogram.buckets.map(([upTo, each]) => ({ upTo, count: (upToHere += each) }));
    return { ...base, value: count, sum, buckets };
  }

  #split(full: string): SplitName {
    let split = this.#names.get(full);
    if (split === undefined) {
      split = splitName(textOf(full), this.#tags);
      this.#names.set(full, split);
    }
    return split;
  }
}

type SplitName = Pick<MetricSample, 'name' | 'labels'>;

/** Metric names are bytes, one per character. */
function textOf(name: string): string {
  return Buffer.from(name, 'latin1').toString('utf8');
}

/** A gauge that was counted below 0 has wrapped, and is shown as what is meant. */
function toNumber(type: MetricType, value: bigint): number {
  return Number(type === MetricType.GAUGE ? BigInt.asIntN(64, value) : value);
}

function splitName(full: string, tags: MetricTags): SplitName {
  const labels: [string, string][] = [];
  let name = full.replace(ISTIO_LABEL, (_all, label: string, value: string) => {
    labels.push([label, value]);
    return '';
  });
  if (labels.length > 0) name = name.replace(LEFTOVERS, '');
  name = name.replace(NAMESPACE, '');
  for (const [label, pattern] of Object.entries(tags)) {
    const found = firstMatch(pattern, name);
    if (found === undefined) continue;
    const [all, first = all, second = first] = found;
    const at = name.indexOf(first, found.index);
    name = name.slice(0, at) + name.slice(at + first.length);
    labels.push([label, second]);
  }
  return { name, labels: Object.fromEntries(labels) };
}

/** Whatever flags the pattern has: a sticky or global one would remember where it was. */
function firstMatch(pattern: RegExp, text: string): RegExpExecArray | undefined {
  const flags = pattern.flags.replace(/[gy]/g, '');
  return new RegExp(pattern.source, flags).exec(text) ?? undefined;
}
