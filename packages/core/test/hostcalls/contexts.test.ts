import { describe, expect, it } from 'vitest';

import { LogLevel, Status } from '../../src/abi/types.js';
import { FakeContext, hostcallGuest, type HostcallGuest } from '../support/hostcall-guest.js';

function logs(guest: HostcallGuest, context: FakeContext): string[] {
  guest.run('proxy_log', LogLevel.INFO, ...guest.put('here'));
  return context.logs.map(([, message]) => message);
}

describe('proxy_set_effective_context', () => {
  it('makes hostcalls act on another context, until the callback returns', async () => {
    const guest = await hostcallGuest();
    const other = new FakeContext(7);
    guest.vm.contexts.set(7, other);
    guest.vm.enter(guest.context);
    expect(guest.run('proxy_set_effective_context', 7)).toBe(Status.OK);
    expect(logs(guest, other)).toEqual(['here']);
    guest.vm.leave();
    guest.vm.enter(guest.context);
    expect(logs(guest, guest.context)).toEqual(['here']);
    guest.vm.leave();
  });

  it('takes 0 for the context whose callback runs', async () => {
    const guest = await hostcallGuest();
    guest.vm.contexts.set(7, new FakeContext(7));
    guest.vm.enter(guest.context);
    guest.run('proxy_set_effective_context', 7);
    expect(guest.run('proxy_set_effective_context', 0)).toBe(Status.OK);
    expect(logs(guest, guest.context)).toEqual(['here']);
    guest.vm.leave();
  });

  it('falls back where the context is deleted meanwhile', async () => {
    const guest = await hostcallGuest();
    const other = new FakeContext(7);
    guest.vm.contexts.set(7, other);
    guest.vm.enter(guest.context);
    guest.run('proxy_set_effective_context', 7);
    guest.vm.forget(other);
    expect(logs(guest, guest.context)).toEqual(['here']);
    guest.vm.leave();
  });

  it.each([2, -1, 0x7fff_ffff])('refuses %d, which no context has', async (id) => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_set_effective_context', id)).toBe(Status.BAD_ARGUMENT);
  });

  it('takes ids beyond the signed range', async () => {
    const guest = await hostcallGuest();
    guest.vm.contexts.set(0xffff_fff0, new FakeContext(0xffff_fff0));
    expect(guest.call('proxy_set_effective_context', 0xffff_fff0 | 0)).toBe(Status.OK);
  });
});

describe('proxy_done', () => {
  it('is OK where the plugin is awaited, else NOT_FOUND', async () => {
    const guest = await hostcallGuest();
    expect(guest.call('proxy_done')).toBe(Status.NOT_FOUND);
    guest.context.waitsForDone = true;
    expect(guest.call('proxy_done')).toBe(Status.OK);
  });
});
