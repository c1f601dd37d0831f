import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { BufferType, MapType, Status, type AbiVersion } from '../../src/abi/types.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../support/fuzz-runs.js';
import {
  Allocator,
  FakeBuffer,
  FILL,
  hostcallGuest,
  OUT,
  OUT_2,
  PAGE,
  type Argument,
  type HostcallGuest,
} from '../support/hostcall-guest.js';
import { documentedStatuses } from '../support/hostcall-statuses.js';

const SIZE = 4 * PAGE;
const documented = documentedStatuses();

/** A context that has everything, so that calls get past the first check. */
async function fullGuest(abiVersion: AbiVersion): Promise<HostcallGuest> {
  const guest = await hostcallGuest({ abiVersion });
  const { context } = guest;
  for (let type = 0; type <= MapType.HTTP_CALL_RESPONSE_TRAILERS; type += 1) {
    context.hold(type, ['~~~~', 'value', 'x', '']);
  }
  for (let type = 0; type <= BufferType.CALL_DATA; type += 1) {
    context.buffers.set(type, new FakeBuffer(Buffer.from('0123456789')));
  }
  context.properties.set('~', 'value');
  context.status = { code: 1, message: 'text' };
  return guest;
}

/** Numbers where mistakes live: around 0, the ends of the memory and of the 32 bits. */
const i32 = fc.oneof(
  fc.constantFrom(0, 1, 2, 3, 4, 7, 8, 9, OUT, PAGE, SIZE - 8, SIZE - 4, SIZE - 1, SIZE, SIZE + 1),
  fc.constantFrom(-1, -4, -8, -0x8000_0000, 0x7fff_ffff),
  fc.integer({ min: 0, max: SIZE }),
  fc.integer({ min: -0x8000_0000, max: 0x7fff_ffff }),
);
const i64 = fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n });

const CALLS = Object.entries(HOSTCALL_SIGNATURES)
  .filter(([name]) => name.startsWith('proxy_'))
  .map(([name, { signature, abiVersions }]) => {
    const types = signature.slice(1, signature.indexOf(')')).split(', ').filter(Boolean);
    return { name, types, abiVersion: abiVersions.at(-1) as AbiVersion };
  });

describe.each(CALLS)('$name', ({ name, types, abiVersion }) => {
  it(
    'never throws, whatever it is passed, and answers a status',
    async () => {
      const guest = await fullGuest(abiVersion);
      const values = fc.tuple(...types.map((type) => (type === 'i64' ? i64 : i32)));
      fc.assert(
        fc.property(values, (list) => {
          const status = guest.call(name, ...(list as Argument[]));
          // Only what its comment names (0.1.0's own functions have no section of their own there).
          if (documented.has(name)) expect(documented.get(name)).toContain(status);
          else expect(Object.values(Status)).toContain(status);
          // OK alone may write; everything else leaves the memory as it was. But for one, as in Envoy.
          const writesFirst = name === 'proxy_http_call' && status !== Status.INVALID_MEMORY_ACCESS;
          if (status !== Status.OK && !writesFirst) guest.expectWrittenOnlyToHeap();
          expect(guest.vm.failure).toBeUndefined();
          guest.rewind();
        }),
        { numRuns: fuzzRuns(300) },
      );
    },
    FUZZ_TIMEOUT_MS,
  );

  it.each([
    ['outside the memory', -8],
    ['that ends past the memory', SIZE - 3],
  ])('refuses out addresses %s', async (_what, address) => {
    const guest = await fullGuest(abiVersion);
    const values = OUT_CALLS[name]?.(address);
    if (values === undefined) return;
    expect(guest.call(name, ...values)).toBe(Status.INVALID_MEMORY_ACCESS);
    guest.expectWrittenOnlyToHeap();
  });
});

/** Calls that would succeed but for the address of their (last) result. Name: `~~~~`. */
const OUT_CALLS: Record<string, (address: number) => number[]> = {
  proxy_get_log_level: (address) => [address],
  proxy_get_current_time_nanoseconds: (address) => [address],
  proxy_get_configuration: (address) => [OUT, address],
  proxy_get_status: (address) => [address, OUT, OUT_2],
  proxy_get_property: (address) => [2000, 1, address, OUT],
  proxy_get_buffer_bytes: (address) => [0, 0, 10, OUT, address],
  proxy_get_buffer_status: (address) => [0, OUT, address],
  proxy_get_header_map_pairs: (address) => [0, address, OUT],
  proxy_get_header_map_size: (address) => [0, address],
  proxy_get_header_map_value: (address) => [0, 2000, 4, OUT, address],
  proxy_http_call: (address) => [2000, 4, 0, 0, 0, 0, 0, 0, 0, address],
  proxy_grpc_call: (address) => [2000, 4, 2000, 4, 2000, 4, 0, 0, 0, 0, 0, address],
  proxy_grpc_stream: (address) => [2000, 4, 2000, 4, 2000, 4, 0, 0, address],
};

const ALLOCATING: [string, AbiVersion, number[]][] = [
  ['proxy_get_configuration', '0.1.0', [OUT, OUT_2]],
  ['proxy_get_status', '0.2.1', [OUT + 100, OUT, OUT_2]],
  ['proxy_get_property', '0.2.1', [2000, 1, OUT, OUT_2]],
  ['proxy_get_buffer_bytes', '0.2.1', [0, 0, 10, OUT, OUT_2]],
  ['proxy_get_header_map_pairs', '0.2.1', [0, OUT, OUT_2]],
  ['proxy_get_header_map_value', '0.2.1', [0, 2000, 4, OUT, OUT_2]],
];

describe.each(ALLOCATING)('%s', (name, abiVersion, values) => {
  it.each([
    ['answers 0', Allocator.ZERO],
    ['answers a block outside the memory', Allocator.OUT_OF_RANGE],
    ['traps', Allocator.TRAPS],
  ])('writes nothing where the allocator %s', async (_what, mode) => {
    const guest = await fullGuest(abiVersion);
    guest.allocator = mode;
    expect(guest.call(name, ...values)).toBe(Status.INVALID_MEMORY_ACCESS);
    guest.expectWritten();
    const code = mode === Allocator.TRAPS ? 'PW_ERR_CALLBACK_TRAPPED' : undefined;
    expect(guest.vm.failure?.code).toBe(code);
  });

  it('writes to the right place where the allocator grows the memory', async () => {
    const guest = await fullGuest(abiVersion);
    guest.allocator = Allocator.GROWS;
    expect(guest.call(name, ...values)).toBe(Status.OK);
    expect(guest.memory.length).toBe(SIZE + PAGE);
    const ptr = guest.memory.readUInt32LE(OUT);
    const size = guest.memory.readUInt32LE(OUT_2);
    expect([ptr, size]).not.toContain(0);
    expect(guest.memory[ptr + size]).toBe(FILL);
  });
});
