import { describe, expect, it, vi } from 'vitest';

import { LogLevel, Status, type AbiVersion } from '../../src/abi/types.js';
import type { ForeignFunction, ForeignFunctionContext } from '../../src/index.js';
import {
  Allocator,
  hostcallGuest,
  OUT,
  OUT_2,
  u32,
  type HostcallGuest,
} from '../support/hostcall-guest.js';

const call = (guest: HostcallGuest, name: string, argument = '', slots = [OUT, OUT_2]) =>
  guest.call('proxy_call_foreign_function', ...guest.put(name), ...guest.put(argument), ...slots);

const guestWith = (f: ForeignFunction, abiVersion: AbiVersion = '0.2.1') =>
  hostcallGuest({ abiVersion, services: { foreignFunctions: { f } } });

/** As if the module exported proxy_on_foreign_function. */
function exportCallback(guest: HostcallGuest): void {
  const { vm } = guest;
  vm.callbacks = { ...vm.callbacks, onForeignFunction: () => 0 };
}

describe('a function that answers at once', () => {
  it.each<[string, ReturnType<ForeignFunction>, string]>([
    ['bytes', Uint8Array.of(0, 255), '\0\xff'],
    ['text', 'größe', Buffer.from('größe').toString('latin1')],
    ['nothing', undefined, ''],
  ])('gives %s', async (_what, answer, bytes) => {
    const guest = await guestWith(() => answer);
    expect(call(guest, 'f')).toBe(Status.OK);
    guest.expectReturned(bytes);
  });

  it('gets a copy of its argument, and who calls', async () => {
    const calls: [Uint8Array, ForeignFunctionContext][] = [];
    const guest = await guestWith((...values) => void calls.push(values));
    guest.context.properties.set('plugin_name', 'auth').set('plugin_root_id', 'root');
    guest.context.properties.set('request.path', '/x');
    call(guest, 'f', 'argument');
    guest.memory.fill(0, 4096);
    const [[argument, context] = []] = calls;
    expect(Buffer.from(argument ?? []).toString()).toBe('argument');
    expect(context).toMatchObject({ pluginName: 'auth', rootId: 'root', vmId: '', contextId: 1 });
    expect([context?.property('request.path'), context?.property(['request', 'path'])]).toEqual([
      '/x',
      '/x',
    ]);
    expect(context?.setProperty('a', 'value')).toBe('ok');
    expect(Buffer.from(guest.context.stored.get('a') ?? []).toString()).toBe('value');
    guest.vm.forget(guest.context);
    expect([context?.property('request.path'), context?.setProperty('a', '')]).toEqual([
      undefined,
      'no-stream',
    ]);
  });

  it('is NOT_FOUND where nobody has it', async () => {
    const guest = await guestWith(() => 'x');
    for (const name of ['g', '', 'toString', '__proto__']) {
      expect(call(guest, name)).toBe(Status.NOT_FOUND);
    }
    guest.expectWritten();
  });

  it.each([
    ['address and size', [0, 0], []],
    ['address', [0, OUT_2], [[OUT_2, u32(6)]]],
    ['size', [OUT, 0], [[OUT, u32(0)]]],
  ] as [string, number[], [number, Buffer][]][])(
    'gives no block where no %s is wanted',
    async (_what, slots, writes) => {
      const guest = await guestWith(() => 'result');
      expect(call(guest, 'f', '', slots)).toBe(Status.OK);
      guest.expectWritten(...writes);
      expect(guest.allocations).toBe(0);
    },
  );

  it('is not even called where the result has no place', async () => {
    const run = vi.fn();
    const guest = await guestWith(run);
    expect(call(guest, 'f', '', [-2, OUT])).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(call(guest, 'f', '', [OUT, -2])).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(run).not.toHaveBeenCalled();
  });

  it('that throws is INTERNAL_FAILURE with an empty result, and the log says why, once', async () => {
    const guest = await guestWith(() => {
      throw new Error('no database');
    });
    expect(call(guest, 'f')).toBe(Status.INTERNAL_FAILURE);
    guest.expectWritten([OUT, u32(0)], [OUT_2, u32(0)]);
    expect(call(guest, 'f')).toBe(Status.INTERNAL_FAILURE);
    expect(guest.context.logs).toEqual([
      [LogLevel.WARN, 'foreign function f failed: no database; the guest gets INTERNAL_FAILURE'],
    ]);
  });

  it('that answers something else is INTERNAL_FAILURE too', async () => {
    const guest = await guestWith(() => 7 as never);
    expect(call(guest, 'f')).toBe(Status.INTERNAL_FAILURE);
    expect(guest.context.logs[0]?.[1]).toContain('neither bytes nor text nor undefined');
  });

  it('takes the place of one of Envoy’s that has its name', async () => {
    const guest = await hostcallGuest({
      services: { foreignFunctions: { compress: () => 'mine' } },
    });
    expect(call(guest, 'compress')).toBe(Status.OK);
    guest.expectReturned('mine');
  });

  it('leaves an allocator that traps to end the VM', async () => {
    const guest = await guestWith(() => 'result');
    guest.allocator = Allocator.TRAPS;
    expect(call(guest, 'f')).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.vm.failure?.code).toBe('PW_ERR_CALLBACK_TRAPPED');
  });
});

describe('a function that answers later', () => {
  it('gives the call’s id at once, and the result to the context that called', async () => {
    const guest = await guestWith(async (argument) => `result of ${String(argument.length)}`);
    exportCallback(guest);
    expect(call(guest, 'f', 'xx')).toBe(Status.OK);
    guest.expectReturned(u32(1));
    expect(guest.context.events).toEqual([]);
    guest.rewind();
    call(guest, 'f', 'xxx');
    guest.expectReturned(u32(2));
    await vi.waitFor(() => {
      expect(guest.context.events).toEqual([
        ['foreign function', 1, 1, { result: Buffer.from('result of 2') }],
        ['foreign function', 1, 2, { result: Buffer.from('result of 3') }],
      ]);
    });
  });

  it('that rejects is told as an error, and logged', async () => {
    const guest = await guestWith(() => Promise.reject(new Error('timeout')));
    exportCallback(guest);
    expect(call(guest, 'f')).toBe(Status.OK);
    await vi.waitFor(() => {
      expect(guest.context.events).toEqual([['foreign function', 1, 1, { error: 'timeout' }]]);
    });
    expect(guest.context.logs).toEqual([
      [LogLevel.WARN, 'foreign function f failed: timeout; the guest gets size 0'],
    ]);
  });

  it.each<[string, AbiVersion, boolean]>([
    ['the module has no callback', '0.2.1', false],
    ['ABI 0.1.0 has none', '0.1.0', true],
  ])('is INTERNAL_FAILURE where %s', async (_what, abiVersion, exported) => {
    const guest = await guestWith(() => Promise.reject(new Error('ignored')), abiVersion);
    if (exported) exportCallback(guest);
    expect(call(guest, 'f')).toBe(Status.INTERNAL_FAILURE);
    expect(guest.context.logs[0]?.[1]).toContain(
      'it answers later, and the module has no proxy_on_foreign_function',
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(guest.context.events).toEqual([]);
  });
});
