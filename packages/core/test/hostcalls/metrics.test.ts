import { describe, expect, it } from 'vitest';

import { LogLevel, MetricType, Status } from '../../src/abi/types.js';
import { MetricIds } from '../../src/hostcalls/metric-ids.js';
import { MemoryMetrics } from '../../src/services/memory-metrics.js';
import { MemoryState } from '../../src/services/memory-state.js';
import type { MetricStore } from '../../src/services/metric-store.js';
import type { SharedState } from '../../src/services/shared-state.js';
import { hostcallGuest, OUT, u32, u64, type HostcallGuest } from '../support/hostcall-guest.js';

const { COUNTER, GAUGE, HISTOGRAM } = MetricType;

function define(guest: HostcallGuest, type: number, name: string): number {
  const status = guest.call('proxy_define_metric', type, ...guest.put(name), OUT);
  return status === Status.OK ? guest.memory.readUInt32LE(OUT) : -status;
}

function get(guest: HostcallGuest, id: number): bigint {
  expect(guest.call('proxy_get_metric', id, OUT)).toBe(Status.OK);
  return guest.memory.readBigUInt64LE(OUT);
}

const withStore = (metrics: MetricStore) =>
  hostcallGuest({
    services: { sharedState: Object.assign(new MemoryState(), { metrics }) },
  });

describe('proxy_define_metric', () => {
  it('gives ids by type: 4, 8, … to counters, 5, 9, … to gauges, 6, 10, … to histograms', async () => {
    const guest = await hostcallGuest();
    const ids = [COUNTER, COUNTER, GAUGE, HISTOGRAM, GAUGE, HISTOGRAM].map((type, index) =>
      define(guest, type, `metric ${String(index)}`),
    );
    expect(ids).toEqual([4, 8, 5, 6, 9, 10]);
    guest.expectWritten([OUT, u32(10)]);
  });

  it('gives a new id of the same metric where the name is known', async () => {
    const guest = await hostcallGuest();
    expect([define(guest, COUNTER, 'a'), define(guest, COUNTER, 'a')]).toEqual([4, 8]);
    guest.call('proxy_increment_metric', 4, 5n);
    guest.call('proxy_increment_metric', 8, 2n);
    expect([get(guest, 4), get(guest, 8)]).toEqual([7n, 7n]);
  });

  it('takes a name of another type as a mistake, and says so', async () => {
    const guest = await hostcallGuest();
    define(guest, COUNTER, 'a');
    expect(define(guest, GAUGE, 'a')).toBe(-Status.BAD_ARGUMENT);
    expect(guest.context.logs).toEqual([[LogLevel.WARN, 'metric "a" is of another type already']]);
  });

  it.each([3, -1])('knows no type %d', async (type) => {
    const guest = await hostcallGuest();
    expect(define(guest, type, 'a')).toBe(-Status.BAD_ARGUMENT);
  });

  it('takes names of up to 4096 bytes', async () => {
    const guest = await hostcallGuest();
    expect(define(guest, COUNTER, 'x'.repeat(4096))).toBe(4);
    expect(define(guest, COUNTER, 'x'.repeat(4097))).toBe(-Status.BAD_ARGUMENT);
  });

  it('makes nothing where the id has no place', async () => {
    const guest = await hostcallGuest();
    const status = guest.call('proxy_define_metric', COUNTER, ...guest.put('a'), -2);
    expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.services.metrics.store.read()).toEqual([]);
  });

  it('is INTERNAL_FAILURE where there are too many, and says so', async () => {
    const guest = await withStore(new MemoryMetrics([1], 1));
    define(guest, COUNTER, 'a');
    expect(define(guest, COUNTER, 'b')).toBe(-Status.INTERNAL_FAILURE);
    expect(guest.context.logs[0]?.[1]).toContain('there are as many metrics as may be');
    expect(define(guest, COUNTER, 'a')).toBe(8);
  });

  it('does not fill the memory with ids', () => {
    const ids = new MetricIds();
    for (let index = 0; index < 65_536; index += 1) ids.add(COUNTER, 1);
    expect(ids.add(COUNTER, 1)).toBe(4 * 65_536);
    expect(ids.add(COUNTER, 2)).toBe(4 * 65_537);
    expect([ids.find(4), ids.find(4 * 65_537)]).toEqual([1, 2]);
  });
});

describe('proxy_increment_metric', () => {
  it('adds to counters what is above 0, and nothing else', async () => {
    const guest = await hostcallGuest();
    const id = define(guest, COUNTER, 'a');
    expect(guest.call('proxy_increment_metric', id, 3n)).toBe(Status.OK);
    guest.expectWritten();
    expect(guest.call('proxy_increment_metric', id, 0n)).toBe(Status.BAD_ARGUMENT);
    expect(guest.call('proxy_increment_metric', id, -1n)).toBe(Status.BAD_ARGUMENT);
    expect(get(guest, id)).toBe(3n);
  });

  it('adds to gauges and takes from them', async () => {
    const guest = await hostcallGuest();
    const id = define(guest, GAUGE, 'a');
    guest.call('proxy_increment_metric', id, 10n);
    guest.call('proxy_increment_metric', id, -3n);
    guest.call('proxy_increment_metric', id, 0n);
    expect(get(guest, id)).toBe(7n);
  });

  it('counts exactly beyond what a double holds, and wraps', async () => {
    const guest = await hostcallGuest();
    const id = define(guest, COUNTER, 'a');
    guest.call('proxy_increment_metric', id, 2n ** 53n);
    guest.call('proxy_increment_metric', id, 1n);
    expect(get(guest, id)).toBe(2n ** 53n + 1n);
    const gauge = define(guest, GAUGE, 'g');
    guest.call('proxy_increment_metric', gauge, -1n);
    expect(get(guest, gauge)).toBe(2n ** 64n - 1n);
  });

  it('is BAD_ARGUMENT for histograms and ids of no type, NOT_FOUND for unknown ids', async () => {
    const guest = await hostcallGuest();
    const histogram = define(guest, HISTOGRAM, 'h');
    const statuses = [histogram, 7, 4, 5, 0, -4].map((id) =>
      guest.call('proxy_increment_metric', id, 1n),
    );
    const { BAD_ARGUMENT, NOT_FOUND } = Status;
    expect(statuses).toEqual([
      BAD_ARGUMENT,
      BAD_ARGUMENT,
      NOT_FOUND,
      NOT_FOUND,
      NOT_FOUND,
      NOT_FOUND,
    ]);
  });
});

describe('proxy_record_metric', () => {
  it('sets gauges, adds to counters and samples histograms', async () => {
    const guest = await withStore(new MemoryMetrics([1, 10]));
    const [counter, gauge, histogram] = [COUNTER, GAUGE, HISTOGRAM].map((type) =>
      define(guest, type, `type ${String(type)}`),
    ) as [number, number, number];
    for (const value of [5n, 1n, 100n]) {
      for (const id of [counter, gauge, histogram]) {
        expect(guest.call('proxy_record_metric', id, value)).toBe(Status.OK);
      }
    }
    expect([get(guest, counter), get(guest, gauge)]).toEqual([106n, 100n]);
    expect(guest.services.metrics.store.read()[2]?.histogram).toEqual({
      count: 3,
      sum: 106,
      buckets: [
        [1, 1],
        [10, 1],
        [Infinity, 1],
      ],
    });
  });

  it('takes values as unsigned', async () => {
    const guest = await withStore(new MemoryMetrics([1]));
    const gauge = define(guest, GAUGE, 'g');
    const histogram = define(guest, HISTOGRAM, 'h');
    guest.call('proxy_record_metric', gauge, -1n);
    guest.call('proxy_record_metric', histogram, -1n);
    expect(get(guest, gauge)).toBe(2n ** 64n - 1n);
    expect(guest.services.metrics.store.read()[1]?.histogram?.sum).toBe(2 ** 64);
  });

  it.each([4, 5, 6, 7, 0])('is NOT_FOUND for id %d, which was never given', async (id) => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_record_metric', id, 1n)).toBe(Status.NOT_FOUND);
  });
});

describe('proxy_get_metric', () => {
  it('writes eight bytes', async () => {
    const guest = await hostcallGuest();
    const id = define(guest, GAUGE, 'g');
    guest.call('proxy_record_metric', id, 258n);
    guest.call('proxy_get_metric', id, OUT);
    guest.expectWritten([OUT, u64(258n)]);
  });

  it('is BAD_ARGUMENT for histograms, NOT_FOUND for unknown ids, 6 for bad addresses', async () => {
    const guest = await hostcallGuest();
    const histogram = define(guest, HISTOGRAM, 'h');
    const counter = define(guest, COUNTER, 'c');
    expect(guest.call('proxy_get_metric', histogram, OUT)).toBe(Status.BAD_ARGUMENT);
    for (const id of [8, 5, 7, 10]) {
      expect(guest.call('proxy_get_metric', id, OUT)).toBe(Status.NOT_FOUND);
    }
    expect(guest.call('proxy_get_metric', counter, -4)).toBe(Status.INVALID_MEMORY_ACCESS);
    guest.expectWritten();
  });
});

it('ids are each VM’s own, metrics the host’s', async () => {
  const sharedState = Object.assign(new MemoryState(), { metrics: new MemoryMetrics() });
  const options = { services: { sharedState: sharedState as SharedState } };
  const [a, b] = await Promise.all([hostcallGuest(options), hostcallGuest(options)]);
  define(a, COUNTER, 'other');
  const [inA, inB] = [define(a, COUNTER, 'both'), define(b, COUNTER, 'both')];
  expect([inA, inB]).toEqual([8, 4]);
  a.call('proxy_increment_metric', inA, 1n);
  expect(get(b, inB)).toBe(1n);
  expect(b.call('proxy_get_metric', inA, OUT)).toBe(Status.NOT_FOUND);
});

it('a store that throws is INTERNAL_FAILURE everywhere', async () => {
  const fail = () => {
    throw new Error('gone');
  };
  const broken = { ...{ add: fail, set: fail, record: fail, get: fail }, define: () => 0 };
  const guest = await withStore({ ...broken, read: () => [] });
  const ids = [COUNTER, GAUGE, HISTOGRAM].map((type) => define(guest, type, 'x'));
  expect(guest.call('proxy_increment_metric', ids[0]!, 1n)).toBe(Status.INTERNAL_FAILURE);
  for (const id of ids) {
    expect(guest.call('proxy_record_metric', id, 1n)).toBe(Status.INTERNAL_FAILURE);
  }
  expect(guest.call('proxy_get_metric', ids[0]!, OUT)).toBe(Status.INTERNAL_FAILURE);
  const failing = await withStore({ ...broken, define: fail, read: () => [] });
  expect(define(failing, COUNTER, 'x')).toBe(-Status.INTERNAL_FAILURE);
  expect(failing.context.logs[0]?.[1]).toBe(
    'proxy_define_metric failed: gone; the guest gets INTERNAL_FAILURE',
  );
});
