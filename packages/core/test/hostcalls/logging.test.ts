import { describe, expect, it } from 'vitest';

import { LogLevel, Status } from '../../src/abi/types.js';
import { Allocator, hostcallGuest, OUT, OUT_2, u32 } from '../support/hostcall-guest.js';

describe('proxy_log', () => {
  it('hands the message to the context, as UTF-8', async () => {
    const guest = await hostcallGuest();
    const text = guest.put(Buffer.from('grüße'));
    expect(guest.call('proxy_log', LogLevel.WARN, ...text)).toBe(Status.OK);
    expect(guest.context.logs).toEqual([[LogLevel.WARN, 'grüße']]);
    guest.expectWritten();
  });

  it('takes an empty message', async () => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_log', LogLevel.INFO, 0, 0)).toBe(Status.OK);
    expect(guest.context.logs).toEqual([[LogLevel.INFO, '']]);
  });

  it('drops what is below the logger’s level and still answers OK', async () => {
    const guest = await hostcallGuest();
    guest.context.level = LogLevel.ERROR;
    expect(guest.call('proxy_log', LogLevel.WARN, ...guest.put('x'))).toBe(Status.OK);
    expect(guest.context.logs).toEqual([]);
  });

  it.each([6, 7, -1, 0x7fff_ffff])('refuses level %d', async (level) => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_log', level, ...guest.put('x'))).toBe(Status.BAD_ARGUMENT);
    expect(guest.context.logs).toEqual([]);
  });

  it('refuses a message outside the memory, whatever the level', async () => {
    const guest = await hostcallGuest();
    guest.context.level = LogLevel.OFF;
    const { length } = guest.memory;
    for (const [ptr, size] of [
      [length, 1],
      [length - 3, 4],
      [0, -1],
      [-1, 0],
      [-1, -1],
    ] as const) {
      expect(guest.call('proxy_log', 0, ptr, size)).toBe(Status.INVALID_MEMORY_ACCESS);
    }
  });

  it('works inside the allocator', async () => {
    const guest = await hostcallGuest();
    guest.allocator = Allocator.LOGS;
    guest.context.properties.set('p', 'value');
    expect(guest.call('proxy_get_property', ...guest.put('p'), OUT, OUT_2)).toBe(Status.OK);
    expect(guest.context.logs).toEqual([[LogLevel.INFO, '~~~']]);
    expect(guest.vm.failure).toBeUndefined();
  });
});

describe('proxy_get_log_level', () => {
  it('tells the level of the context’s logger', async () => {
    const guest = await hostcallGuest();
    guest.context.level = LogLevel.OFF;
    expect(guest.call('proxy_get_log_level', OUT)).toBe(Status.OK);
    guest.expectWritten([OUT, u32(6)]);
  });

  it('refuses an address outside the memory', async () => {
    const guest = await hostcallGuest();
    const status = guest.call('proxy_get_log_level', guest.memory.length - 3);
    expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
    guest.expectWritten();
  });
});
