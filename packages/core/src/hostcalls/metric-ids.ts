import type { MetricType } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/** Ids of one type beyond which a metric that is defined again gets one that it has. */
const MAX_IDS = 65_536;

/**
 * A VM's metric ids: counters 4, 8, …; gauges 5, 9, …; histograms 6, 10, … (`id & 3` is the type).
 * @see abi.md 1.4
 */
export class MetricIds {
  /** By type, the metrics in the order of their ids; none is of type 3. */
  readonly #metrics: readonly number[][] = [[], [], [], []];
  readonly #latest = new Map<number, number>();

  /** Gives an id for a metric: a new one, as in Envoy, while there are not too many. */
  add(type: MetricType, metric: number): number {
    const metrics = this.#metrics[type] ?? [];
    const latest = this.#latest.get(metric);
    if (latest !== undefined && metrics.length >= MAX_IDS) return latest;
    metrics.push(metric);
    const id = 4 * metrics.length + type;
    this.#latest.set(metric, id);
    return id;
  }

  /** The metric of an id (as it comes from the guest: signed). */
  find(id: number): number | undefined {
    return this.#metrics[id & 3]?.[(id >>> 2) - 1];
  }
}

const byVm = new WeakMap<Vm, MetricIds>();

/** The ids of a VM, which its four hostcalls have in common. */
export function metricIds(vm: Vm): MetricIds {
  let ids = byVm.get(vm);
  if (ids === undefined) {
    ids = new MetricIds();
    byVm.set(vm, ids);
  }
  return ids;
}
