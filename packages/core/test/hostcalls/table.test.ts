import { describe, expect, it } from 'vitest';

import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { AbiVersion, LogLevel, Status } from '../../src/abi/types.js';
import { createEnvImports } from '../../src/hostcalls/table.js';
import { createServices } from '../../src/services/host-services.js';
import { Allocator, hostcallGuest, OUT, OUT_2, parametersOf } from '../support/hostcall-guest.js';

/** Envoy's own, outside the spec: the app may supply it. */
const NOT_HERE = ['envoy_resolve_dns'];

describe.each(Object.values(AbiVersion))('ABI %s', (abiVersion) => {
  it('has exactly the functions that the signatures list for it', async () => {
    const { vm } = await hostcallGuest({ abiVersion });
    const listed = Object.entries(HOSTCALL_SIGNATURES)
      .filter(([, { abiVersions }]) => abiVersions.includes(abiVersion))
      .map(([name]) => name)
      .filter((name) => !NOT_HERE.includes(name));
    expect(Object.keys(createEnvImports(vm, createServices())).sort()).toEqual(listed.sort());
  });
});

describe.each(
  Object.values(AbiVersion).flatMap((abiVersion) =>
    Object.entries(HOSTCALL_SIGNATURES)
      .filter(
        ([name, { abiVersions }]) => abiVersions.includes(abiVersion) && !NOT_HERE.includes(name),
      )
      .map(([name]) => [abiVersion, name] as const),
  ),
)('ABI %s: %s', (abiVersion, name) => {
  // The first argument of many is a type, a stream or an id: those of the ABI, and some beyond.
  it('never answers UNIMPLEMENTED', async () => {
    for (let first = 0; first <= 9; first += 1) {
      const guest = await hostcallGuest({ abiVersion });
      const values = parametersOf(name).map((type, index) => {
        if (index === 0) return type === 'i64' ? BigInt(first) : first;
        return type === 'i64' ? 1n : ([0, 1, 1, 1, 1][index] ?? 0);
      });
      expect(guest.call(name, ...values)).not.toBe(Status.UNIMPLEMENTED);
    }
  });
});

it('a capability that is left out answers INTERNAL_FAILURE, says so once and does nothing', async () => {
  const guest = await hostcallGuest({ allowed: (name) => name === 'proxy_done' });
  guest.context.properties.set('plugin_name', 'auth');
  for (const name of ['proxy_log', 'proxy_close_stream', 'proxy_http_call']) {
    const values = parametersOf(name).map(() => 0);
    expect(guest.call(name, ...values)).toBe(Status.INTERNAL_FAILURE);
    expect(guest.call(name, ...values)).toBe(Status.INTERNAL_FAILURE);
    const text = `${name} is not among the capabilities of plugin "auth", which gets INTERNAL_FAILURE`;
    expect(guest.context.logs.splice(0)).toEqual([[LogLevel.WARN, text]]);
  }
  expect(guest.context.events).toEqual([]);
  expect(guest.call('proxy_done')).toBe(Status.NOT_FOUND);
});

it('capabilities do not touch what toolchains expect', async () => {
  const guest = await hostcallGuest({ allowed: () => false });
  expect(guest.call('pthread_equal', 3, 3)).toBe(1);
  expect(guest.call('pthread_equal', 3, 4)).toBe(0);
  expect(guest.call('emscripten_notify_memory_growth', 0)).toBeUndefined();
});

describe('while the module starts or its allocator runs', () => {
  const ALLOWED = [
    'proxy_log',
    'proxy_get_log_level',
    'pthread_equal',
    'emscripten_notify_memory_growth',
  ];
  const names = Object.values(AbiVersion).flatMap((abiVersion) =>
    Object.entries(HOSTCALL_SIGNATURES)
      .filter(
        ([name, { abiVersions }]) => abiVersions.includes(abiVersion) && !NOT_HERE.includes(name),
      )
      .map(([name]) => [abiVersion, name] as const),
  );

  it.each(names)('ABI %s: %s', async (abiVersion, name) => {
    const guest = await hostcallGuest({ abiVersion });
    // Arguments that pass the checks which come first: a type of 0, a name, a path.
    const values = parametersOf(name).map((type, index) => {
      if (type === 'i64') return 1n;
      return name.endsWith('_property') ? 1 : ([0, 1, 1, 1, 1][index] ?? 0);
    });
    guest.vm.enterStart();
    const call = () => guest.run(name, ...values);
    if (ALLOWED.includes(name)) {
      expect(call).not.toThrow();
      expect(guest.vm.failure).toBeUndefined();
    } else {
      expect(call).toThrow(/only logging/);
      expect(guest.vm.failure?.code).toBe('PW_ERR_HOSTCALL_RESTRICTED');
    }
    guest.vm.leave();
  });

  it('a hostcall of the allocator’s ends the VM', async () => {
    const guest = await hostcallGuest();
    guest.allocator = Allocator.ASKS;
    guest.context.properties.set('p', 'value');
    const status = guest.call('proxy_get_property', ...guest.put('p'), OUT, OUT_2);
    expect(status).toBe(Status.INVALID_MEMORY_ACCESS);
    expect(guest.vm.failure?.code).toBe('PW_ERR_HOSTCALL_RESTRICTED');
  });
});
