import { expect, it } from 'vitest';

import { Status } from '../../src/abi/types.js';
import { hostcallGuest, OUT, u64 } from '../support/hostcall-guest.js';

it('tells nanoseconds since the epoch', async () => {
  const guest = await hostcallGuest();
  guest.vm.nowNs = () => 1_700_000_000_123_456_789n;
  expect(guest.call('proxy_get_current_time_nanoseconds', OUT)).toBe(Status.OK);
  guest.expectWritten([OUT, u64(1_700_000_000_123_456_789n)]);
});

it('asks the system’s clock by default', async () => {
  const guest = await hostcallGuest();
  const beforeMs = Date.now();
  expect(guest.call('proxy_get_current_time_nanoseconds', OUT)).toBe(Status.OK);
  const nowMs = Number(guest.memory.readBigUInt64LE(OUT) / 1_000_000n);
  expect(Math.abs(nowMs - beforeMs)).toBeLessThan(1000);
});

it('refuses an address outside the memory', async () => {
  const guest = await hostcallGuest();
  const status = guest.call('proxy_get_current_time_nanoseconds', guest.memory.length - 7);
  expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
  guest.expectWritten();
});
