import { describe, expect, it } from 'vitest';

import { LogLevel, Status } from '../../src/abi/types.js';
import { MemoryState } from '../../src/services/memory-state.js';
import type { SharedState } from '../../src/services/shared-state.js';
import {
  hostcallGuest,
  OUT,
  OUT_2,
  OUT_3,
  u32,
  type HostcallGuest,
} from '../support/hostcall-guest.js';

const get = (guest: HostcallGuest, key: string) =>
  guest.call('proxy_get_shared_data', ...guest.put(key), OUT, OUT_2, OUT_3);
const set = (guest: HostcallGuest, key: string, value: string, cas = 0) =>
  guest.call('proxy_set_shared_data', ...guest.put(key), ...guest.put(value), cas);

describe('proxy_get_shared_data', () => {
  it('gives value and version', async () => {
    const guest = await hostcallGuest();
    set(guest, 'other', 'x');
    set(guest, 'key', 'value');
    expect(get(guest, 'key')).toBe(Status.OK);
    guest.expectWritten(
      [guest.memory.readUInt32LE(OUT), 'value'],
      [OUT, u32(guest.memory.readUInt32LE(OUT))],
      [OUT_2, u32(5)],
      [OUT_3, u32(2)],
    );
  });

  it('gives an empty value without the allocator, and its version', async () => {
    const guest = await hostcallGuest();
    set(guest, 'key', '');
    expect(get(guest, 'key')).toBe(Status.OK);
    guest.expectWritten([OUT, u32(0)], [OUT_2, u32(0)], [OUT_3, u32(1)]);
    expect(guest.allocations).toBe(0);
  });

  it('is NOT_FOUND for a key that is not there', async () => {
    const guest = await hostcallGuest();
    expect(get(guest, 'key')).toBe(Status.NOT_FOUND);
    guest.expectWritten();
  });

  it('tells keys of any bytes apart', async () => {
    const guest = await hostcallGuest();
    set(guest, '\xff', 'one');
    expect(get(guest, '\xfe')).toBe(Status.NOT_FOUND);
    expect(get(guest, '\xc3\xbf')).toBe(Status.NOT_FOUND);
  });

  it('asks for no memory where the version has no place', async () => {
    const guest = await hostcallGuest();
    set(guest, 'key', 'value');
    const status = guest.call('proxy_get_shared_data', ...guest.put('key'), OUT, OUT_2, -2);
    expect([status, guest.allocations]).toEqual([Status.INVALID_MEMORY_ACCESS, 0]);
    guest.expectWritten();
  });
});

describe('proxy_set_shared_data', () => {
  it('keeps a copy', async () => {
    const guest = await hostcallGuest();
    expect(set(guest, 'key', 'value')).toBe(Status.OK);
    guest.expectWritten();
    guest.memory.fill(0, 4096);
    const kept = guest.services.sharedState.get('', 'key');
    expect(Buffer.from(kept?.value ?? []).toString()).toBe('value');
  });

  it('is CAS_MISMATCH with another version than the value has', async () => {
    const guest = await hostcallGuest();
    set(guest, 'key', 'one');
    expect(set(guest, 'key', 'two', 1)).toBe(Status.OK);
    expect(set(guest, 'key', 'three', 1)).toBe(Status.CAS_MISMATCH);
    expect(set(guest, 'new', 'x', 77)).toBe(Status.OK);
  });

  it('takes versions beyond the signed range', async () => {
    const sharedState = new MemoryState();
    const seen: number[] = [];
    const set = sharedState.set.bind(sharedState);
    sharedState.set = (vmId, key, value, cas) => {
      seen.push(cas);
      return set(vmId, key, value, cas);
    };
    const guest = await hostcallGuest({ services: { sharedState } });
    guest.call('proxy_set_shared_data', ...guest.put('key'), 0, 0, -1);
    expect(seen).toEqual([0xffff_ffff]);
  });

  it('belongs to the VM’s id', async () => {
    const sharedState = new MemoryState();
    const [a, b, alsoA] = await Promise.all(
      ['a', 'b', 'a'].map((vmId) => hostcallGuest({ vmId, services: { sharedState } })),
    );
    set(a!, 'key', 'value');
    expect([get(b!, 'key'), get(alsoA!, 'key')]).toEqual([Status.NOT_FOUND, Status.OK]);
  });

  it('is INTERNAL_FAILURE where the store is full, and says so once', async () => {
    const guest = await hostcallGuest({ services: { sharedState: new MemoryState({ keys: 1 }) } });
    set(guest, 'a', 'x');
    expect(set(guest, 'b', 'x')).toBe(Status.INTERNAL_FAILURE);
    expect(set(guest, 'b', 'x')).toBe(Status.INTERNAL_FAILURE);
    expect(guest.context.logs).toEqual([
      [
        LogLevel.WARN,
        'proxy_set_shared_data failed: the shared data of vm id "" is full; the guest gets INTERNAL_FAILURE',
      ],
    ]);
  });
});

it('a store that throws is INTERNAL_FAILURE, and the log has its message', async () => {
  const fail = () => {
    throw new Error('disk full');
  };
  const sharedState = { get: fail, set: fail } as unknown as SharedState;
  const guest = await hostcallGuest({ services: { sharedState } });
  expect(get(guest, 'key')).toBe(Status.INTERNAL_FAILURE);
  expect(set(guest, 'key', 'value')).toBe(Status.INTERNAL_FAILURE);
  guest.expectWritten();
  expect(guest.context.logs.map(([, text]) => text)).toEqual([
    'proxy_get_shared_data failed: disk full; the guest gets INTERNAL_FAILURE',
    'proxy_set_shared_data failed: disk full; the guest gets INTERNAL_FAILURE',
  ]);
});
