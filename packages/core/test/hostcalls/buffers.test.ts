import { describe, expect, it } from 'vitest';

import { BufferType, Status } from '../../src/abi/types.js';
import {
  Allocator,
  FakeBuffer,
  hostcallGuest,
  OUT,
  OUT_2,
  u32,
  type HostcallGuest,
} from '../support/hostcall-guest.js';

const BODY = BufferType.HTTP_REQUEST_BODY;

async function guestWith(text: string, writable = true): Promise<[HostcallGuest, FakeBuffer]> {
  const guest = await hostcallGuest();
  const buffer = new FakeBuffer(Buffer.from(text), writable);
  guest.context.buffers.set(BODY, buffer);
  return [guest, buffer];
}

describe('proxy_get_buffer_bytes', () => {
  it.each([
    [0, 10, '0123456789'],
    [0, -1, '0123456789'],
    [3, 4, '3456'],
    [3, 100, '3456789'],
    [9, 1, '9'],
    [10, 1, ''],
    [-1, -1, ''],
    [0, 0, ''],
  ])('start %d, at most %d bytes', async (start, maxSize, expected) => {
    const [guest] = await guestWith('0123456789');
    expect(guest.call('proxy_get_buffer_bytes', BODY, start, maxSize, OUT, OUT_2)).toBe(Status.OK);
    guest.expectReturned(expected);
    expect(guest.allocations).toBe(expected === '' ? 0 : 1);
  });

  it('copies into memory that the allocator has just grown', async () => {
    const [guest] = await guestWith('0123456789');
    guest.allocator = Allocator.GROWS;
    expect(guest.call('proxy_get_buffer_bytes', BODY, 0, 10, OUT, OUT_2)).toBe(Status.OK);
    guest.expectReturned('0123456789');
  });
});

describe('proxy_get_buffer_status', () => {
  it('tells size and no flags', async () => {
    const [guest] = await guestWith('0123456789');
    expect(guest.call('proxy_get_buffer_status', BODY, OUT, OUT_2)).toBe(Status.OK);
    guest.expectWritten([OUT, u32(10)], [OUT_2, u32(0)]);
  });

  it('writes nothing where one address is outside the memory', async () => {
    const [guest] = await guestWith('0123456789');
    expect(guest.call('proxy_get_buffer_status', BODY, OUT, -4)).toBe(6);
    guest.expectWritten();
    expect(guest.call('proxy_get_buffer_status', BODY, -4, OUT)).toBe(6);
    guest.expectWritten();
  });
});

describe('proxy_set_buffer_bytes', () => {
  it('passes the range on, unsigned, and bytes that stay when the guest changes its own', async () => {
    const [guest, buffer] = await guestWith('0123456789');
    const [ptr, size] = guest.put('new');
    expect(guest.call('proxy_set_buffer_bytes', BODY, -1, 0x7fff_ffff, ptr, size)).toBe(Status.OK);
    guest.expectWritten();
    guest.memory.fill(0, ptr, ptr + size);
    const [set] = buffer.sets;
    expect(set).toMatchObject({ start: 0xffff_ffff, length: 0x7fff_ffff });
    expect(Buffer.from(set?.data ?? []).toString()).toBe('new');
  });

  it('is BAD_ARGUMENT where the buffer refuses', async () => {
    const [guest] = await guestWith('0123456789', false);
    const status = guest.call('proxy_set_buffer_bytes', BODY, 0, 0, ...guest.put('new'));
    expect(status).toBe(Status.BAD_ARGUMENT);
  });

  it('does not touch the buffer where the data is outside the memory', async () => {
    const [guest, buffer] = await guestWith('0123456789');
    expect(guest.call('proxy_set_buffer_bytes', BODY, 0, 0, 16, -1)).toBe(6);
    expect(buffer.sets).toEqual([]);
  });
});

describe.each([
  ['proxy_get_buffer_bytes', (type: number) => [type, 0, 10, OUT, OUT_2]],
  ['proxy_get_buffer_status', (type: number) => [type, OUT, OUT_2]],
  ['proxy_set_buffer_bytes', (type: number) => [type, 0, 0, 0, 0]],
] as const)('%s', (name, values) => {
  it('refuses unknown buffer types', async () => {
    const guest = await hostcallGuest();
    for (const type of [9, -1, 0x7fff_ffff]) {
      expect(guest.call(name, ...values(type))).toBe(Status.BAD_ARGUMENT);
      guest.expectWritten();
    }
  });

  it('does not find what the context does not have', async () => {
    const guest = await hostcallGuest();
    for (let type = 0; type <= BufferType.CALL_DATA; type += 1) {
      expect(guest.call(name, ...values(type))).toBe(Status.NOT_FOUND);
      guest.expectWritten();
    }
  });
});
