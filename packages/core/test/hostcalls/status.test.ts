import { expect, it } from 'vitest';

import { Status } from '../../src/abi/types.js';
import {
  Allocator,
  HEAP,
  hostcallGuest,
  OUT,
  OUT_2,
  OUT_3,
  u32,
} from '../support/hostcall-guest.js';

it('tells code and message of the last call that failed', async () => {
  const guest = await hostcallGuest();
  guest.context.status = { code: 11, message: 'reset' };
  expect(guest.call('proxy_get_status', OUT_3, OUT, OUT_2)).toBe(Status.OK);
  guest.expectWritten([HEAP, 'reset'], [OUT, u32(HEAP)], [OUT_2, u32(5)], [OUT_3, u32(11)]);
});

it('answers an empty message without the allocator', async () => {
  const guest = await hostcallGuest();
  expect(guest.call('proxy_get_status', OUT_3, OUT, OUT_2)).toBe(Status.OK);
  guest.expectWritten([OUT, u32(0)], [OUT_2, u32(0)], [OUT_3, u32(0)]);
  expect(guest.allocations).toBe(0);
});

it('writes nothing where it fails', async () => {
  const guest = await hostcallGuest();
  guest.context.status = { code: 11, message: 'reset' };
  expect(guest.call('proxy_get_status', -1, OUT, OUT_2)).toBe(Status.INVALID_MEMORY_ACCESS);
  guest.expectWritten();
  guest.allocator = Allocator.ZERO;
  expect(guest.call('proxy_get_status', OUT_3, OUT, OUT_2)).toBe(Status.INVALID_MEMORY_ACCESS);
  guest.expectWritten();
});
