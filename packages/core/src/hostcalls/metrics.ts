import { LogLevel, MetricType, Status } from '../abi/types.js';
import type { HostServices } from '../services/host-services.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';
import { metricIds } from './metric-ids.js';

/** Names are looked into for labels, which takes its time. */
const MAX_NAME_BYTES = 4096;

/**
 * Makes a counter, gauge or histogram, or finds it again: one name is one metric for all plugins of
 * the host. Each call gives another id of the metric.
 *
 * - `metricType`: a MetricType
 * - `namePtr`, `nameSize`: guest address and size of the name
 * - `returnIdPtr`: guest address of u32 that receives the id; its two low bits are the type
 *
 * Allowed in every callback.
 *
 * - BAD_ARGUMENT: unknown type, a name that is a metric of another type (the log says so), or one of
 *   more than 4096 bytes
 * - INTERNAL_FAILURE: as many metrics as may be, or the store failed; the log says why
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * Deviates: Envoy has metrics of one name and several types, and names and numbers of metrics as
 * there is memory for.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_define_metric
 */
export function defineMetric(vm: Vm, { metrics }: HostServices) {
  const { memory } = vm;
  const ids = metricIds(vm);
  const failed = complaint(vm, 'proxy_define_metric');
  return (metricType: number, namePtr: number, nameSize: number, returnIdPtr: number): Status => {
    vm.active.ensureUnrestricted();
    if (metricType >>> 0 > MetricType.HISTOGRAM) return Status.BAD_ARGUMENT;
    if (nameSize >>> 0 > MAX_NAME_BYTES) return Status.BAD_ARGUMENT;
    const name = memory.readLatin1(namePtr >>> 0, nameSize >>> 0);
    if (name === undefined || !memory.contains(returnIdPtr >>> 0, 4)) {
      return Status.INVALID_MEMORY_ACCESS;
    }
    try {
      const metric = metrics.define(metricType as MetricType, name);
      if (metric === 'full') return failed('there are as many metrics as may be');
      if (metric === 'other-type') return refuseType(vm, name);
      memory.writeU32(returnIdPtr >>> 0, ids.add(metricType as MetricType, metric));
      return Status.OK;
    } catch (error) {
      return failed(error);
    }
  };
}

function refuseType(vm: Vm, name: string): Status {
  vm.current.log(LogLevel.WARN, `metric ${JSON.stringify(name)} is of another type already`);
  return Status.BAD_ARGUMENT;
}

/**
 * Adds to a counter or gauge.
 *
 * - `metricId`: the metric
 * - `delta`: i64, signed; above 0 for a counter
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such metric
 * - BAD_ARGUMENT: a histogram, an id of no type, or a delta of 0 or less for a counter
 * - INTERNAL_FAILURE: the store failed; the log says why
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_increment_metric
 */
export function incrementMetric(vm: Vm, { metrics: { store } }: HostServices) {
  const ids = metricIds(vm);
  const failed = complaint(vm, 'proxy_increment_metric');
  return (metricId: number, delta: bigint): Status => {
    vm.active.ensureUnrestricted();
    const type = metricId & 3;
    if (type > MetricType.GAUGE) return Status.BAD_ARGUMENT;
    const metric = ids.find(metricId);
    if (metric === undefined) return Status.NOT_FOUND;
    if (type === MetricType.COUNTER && delta <= 0n) return Status.BAD_ARGUMENT;
    try {
      store.add(metric, delta);
      return Status.OK;
    } catch (error) {
      return failed(error);
    }
  };
}

/**
 * Sets a gauge, adds a sample to a histogram, or adds to a counter.
 *
 * - `metricId`: the metric
 * - `value`: i64, unsigned
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such metric
 * - INTERNAL_FAILURE: the store failed; the log says why
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_record_metric
 */
export function recordMetric(vm: Vm, { metrics }: HostServices) {
  const { store } = metrics;
  const ids = metricIds(vm);
  const failed = complaint(vm, 'proxy_record_metric');
  return (metricId: number, value: bigint): Status => {
    vm.active.ensureUnrestricted();
    const metric = ids.find(metricId);
    if (metric === undefined) return Status.NOT_FOUND;
    const type = metricId & 3;
    try {
      if (type === MetricType.COUNTER) store.add(metric, value);
      else if (type === MetricType.GAUGE) store.set(metric, value);
      else metrics.record(metric, value);
      return Status.OK;
    } catch (error) {
      return failed(error);
    }
  };
}

/**
 * Reads a counter or gauge.
 *
 * - `metricId`: the metric
 * - `returnValuePtr`: guest address of u64 that receives the value
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such metric
 * - BAD_ARGUMENT: a histogram
 * - INTERNAL_FAILURE: the store failed; the log says why
 * - INVALID_MEMORY_ACCESS: `returnValuePtr` lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_metric
 */
export function getMetric(vm: Vm, { metrics: { store } }: HostServices) {
  const { memory } = vm;
  const ids = metricIds(vm);
  const failed = complaint(vm, 'proxy_get_metric');
  return (metricId: number, returnValuePtr: number): Status => {
    vm.active.ensureUnrestricted();
    const metric = ids.find(metricId);
    if (metric === undefined) return Status.NOT_FOUND;
    if ((metricId & 3) === MetricType.HISTOGRAM) return Status.BAD_ARGUMENT;
    try {
      const value = BigInt.asUintN(64, store.get(metric));
      return memory.writeU64(returnValuePtr >>> 0, value)
        ? Status.OK
        : Status.INVALID_MEMORY_ACCESS;
    } catch (error) {
      return failed(error);
    }
  };
}
