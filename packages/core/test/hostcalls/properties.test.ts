import { describe, expect, it } from 'vitest';

import { Status } from '../../src/abi/types.js';
import type { PropertyValue, SetPropertyResult } from '../../src/vm/context.js';
import { hostcallGuest, OUT, OUT_2, u64, type HostcallGuest } from '../support/hostcall-guest.js';

const get = (guest: HostcallGuest, path: string) =>
  guest.call('proxy_get_property', ...guest.put(path), OUT, OUT_2);

describe('proxy_get_property', () => {
  it.each(['request\0path', 'request\0path\0'])('finds %j', async (path) => {
    const guest = await hostcallGuest();
    guest.context.properties.set('request.path', '/x');
    expect(get(guest, path)).toBe(Status.OK);
    guest.expectReturned('/x');
  });

  it.each<[string, PropertyValue, Uint8Array]>([
    ['ASCII text', 'abc', Buffer.from('abc')],
    ['other text', 'grüße', Buffer.from('grüße')],
    ['bytes', Uint8Array.of(0, 255, 63), Buffer.from([0, 255, 63])],
    ['an integer', 8080, u64(8080n)],
    ['true', true, Buffer.from([1])],
  ])('gives %s', async (_what, value, bytes) => {
    const guest = await hostcallGuest();
    guest.context.properties.set('p', value);
    expect(get(guest, 'p')).toBe(Status.OK);
    guest.expectReturned(bytes);
  });

  it('gives an empty value without the allocator', async () => {
    const guest = await hostcallGuest();
    guest.context.properties.set('plugin_root_id', '');
    expect(get(guest, 'plugin_root_id')).toBe(Status.OK);
    guest.expectReturned('');
    expect(guest.allocations).toBe(0);
  });

  it('does not find what is not there', async () => {
    const guest = await hostcallGuest();
    expect(get(guest, 'request\0path')).toBe(Status.NOT_FOUND);
    guest.expectWritten();
  });

  it('can’t serialize an empty path, or a value without bytes', async () => {
    const guest = await hostcallGuest();
    expect(get(guest, '')).toBe(Status.SERIALIZATION_FAILURE);
    guest.context.properties.set('p', { a: null } as unknown as PropertyValue);
    expect(get(guest, 'p')).toBe(Status.SERIALIZATION_FAILURE);
    guest.expectWritten();
  });
});

describe('proxy_set_property', () => {
  const set = (guest: HostcallGuest, path: string, value: string) =>
    guest.call('proxy_set_property', ...guest.put(path), ...guest.put(value));

  it('keeps a copy of the value under the path without the zero byte at its end', async () => {
    const guest = await hostcallGuest();
    expect(set(guest, 'a\0b\0', 'value')).toBe(Status.OK);
    guest.expectWritten();
    guest.memory.fill(0, 4096);
    expect(Buffer.from(guest.context.stored.get('a\0b') ?? []).toString()).toBe('value');
  });

  it.each<[SetPropertyResult, Status]>([
    ['no-stream', Status.NOT_FOUND],
    ['read-only', Status.BAD_ARGUMENT],
  ])('%s: status %d', async (result, status) => {
    const guest = await hostcallGuest();
    guest.context.setPropertyResult = result;
    expect(set(guest, 'a', 'value')).toBe(status);
  });

  it('refuses path or value outside the memory', async () => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_set_property', 0, -1, 0, 1)).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.call('proxy_set_property', 0, 1, 1, -1)).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.context.stored.size).toBe(0);
  });
});
