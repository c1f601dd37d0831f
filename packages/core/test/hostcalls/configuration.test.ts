import { expect, it } from 'vitest';

import { BufferType, Status } from '../../src/abi/types.js';
import { FakeBuffer, hostcallGuest, OUT, OUT_2 } from '../support/hostcall-guest.js';

const guestOf010 = async () => {
  const guest = await hostcallGuest({ abiVersion: '0.1.0' });
  const vmConfiguration = new FakeBuffer(Buffer.from('of the VM'));
  guest.context.buffers.set(BufferType.VM_CONFIGURATION, vmConfiguration);
  return guest;
};

it('reads the plugin’s configuration where it can be read', async () => {
  const guest = await guestOf010();
  const configuration = new FakeBuffer(Buffer.from('of the plugin'));
  guest.context.buffers.set(BufferType.PLUGIN_CONFIGURATION, configuration);
  expect(guest.call('proxy_get_configuration', OUT, OUT_2)).toBe(Status.OK);
  guest.expectReturned('of the plugin');
});

it('reads the VM’s elsewhere', async () => {
  const guest = await guestOf010();
  expect(guest.call('proxy_get_configuration', OUT, OUT_2)).toBe(Status.OK);
  guest.expectReturned('of the VM');
});

it('answers an empty configuration without the allocator', async () => {
  const guest = await guestOf010();
  guest.context.buffers.set(BufferType.PLUGIN_CONFIGURATION, new FakeBuffer(Buffer.alloc(0)));
  expect(guest.call('proxy_get_configuration', OUT, OUT_2)).toBe(Status.OK);
  guest.expectReturned('');
  expect(guest.allocations).toBe(0);
});
