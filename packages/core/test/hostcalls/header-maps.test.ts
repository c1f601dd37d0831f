import { describe, expect, it } from 'vitest';

import { LogLevel, MapType, Status } from '../../src/abi/types.js';
import type { HeaderList } from '../../src/stream/header-list.js';
import {
  Allocator,
  hostcallGuest,
  OUT,
  OUT_2,
  pairs,
  u32,
  type HostcallGuest,
} from '../support/hostcall-guest.js';

const REQUEST = MapType.HTTP_REQUEST_HEADERS;
const RESPONSE = MapType.HTTP_RESPONSE_HEADERS;
const TRAILERS = MapType.HTTP_RESPONSE_TRAILERS;
const HEADERS = [':method', 'GET', 'x-user', 'ann', 'x-empty', '', 'x-user', 'bob'];

async function guestWith(entries: string[]): Promise<[HostcallGuest, HeaderList]> {
  const guest = await hostcallGuest();
  return [guest, guest.context.hold(REQUEST, entries)];
}

describe('proxy_get_header_map_pairs', () => {
  it('gives every entry in order, repeated names one by one', async () => {
    const [guest] = await guestWith(HEADERS);
    expect(guest.call('proxy_get_header_map_pairs', REQUEST, OUT, OUT_2)).toBe(Status.OK);
    guest.expectReturned(pairs(...HEADERS));
  });

  it('gives one byte per character', async () => {
    const [guest] = await guestWith(['x-name', 'caf\u00e9 \u00ff']);
    guest.allocator = Allocator.GROWS;
    expect(guest.call('proxy_get_header_map_pairs', REQUEST, OUT, OUT_2)).toBe(Status.OK);
    guest.expectReturned(pairs('x-name', 'caf\u00e9 \u00ff'));
  });

  it('is no bytes where the map is empty, or not there', async () => {
    const [guest] = await guestWith([]);
    for (const type of [REQUEST, RESPONSE]) {
      expect(guest.call('proxy_get_header_map_pairs', type, OUT, OUT_2)).toBe(Status.OK);
      guest.expectReturned('');
    }
    expect(guest.allocations).toBe(0);
  });
});

describe('proxy_set_header_map_pairs', () => {
  const set = (guest: HostcallGuest, content: Uint8Array | string) =>
    guest.call('proxy_set_header_map_pairs', REQUEST, ...guest.put(content));

  it('replaces the whole map, names lower-cased', async () => {
    const [guest, map] = await guestWith(HEADERS);
    expect(set(guest, pairs('X-One', 'A', ':path', '/x?y'))).toBe(Status.OK);
    expect(map.entries()).toEqual(['x-one', 'A', ':path', '/x?y']);
    guest.expectWritten();
  });

  it.each([
    ['no bytes', ''],
    ['a lone zero byte', '\0'],
    ['a zero count', '\0\0\0\0'],
    ['malformed pairs', pairs('a', 'b').subarray(0, -1)],
  ])('clears the map by %s', async (_what, content) => {
    const [guest, map] = await guestWith(HEADERS);
    expect(set(guest, content)).toBe(Status.OK);
    expect(map.entries()).toEqual([]);
  });

  it('keeps what there was of the connection, and lets in nothing new of it', async () => {
    const [guest, map] = await guestWith(['connection', 'close', 'te', 'trailers']);
    const entries = ['connection', 'close', 'connection', 'x', 'upgrade', 'h2c', 'te', 'new'];
    expect(set(guest, pairs(...entries))).toBe(Status.OK);
    expect(map.entries()).toEqual(['connection', 'close', 'te', 'new']);
  });

  it.each([
    ['name', ['ok', 'ok', 'not ok', 'x']],
    ['value', ['ok', 'ok', 'x', 'a\r\nb: c']],
    ['status', [':status', '200']],
  ])('leaves the map as it was where a %s is not allowed', async (_what, entries) => {
    const [guest, map] = await guestWith([...HEADERS]);
    expect(set(guest, pairs(...entries))).toBe(Status.BAD_ARGUMENT);
    expect(map.entries()).toEqual(HEADERS);
    expect(guest.context.logs).toEqual([
      [
        LogLevel.WARN,
        'proxy_set_header_map_pairs failed: a name or value is none that HTTP allows; ' +
          'the guest gets BAD_ARGUMENT',
      ],
    ]);
  });

  it('says so where a map is cleared by mistake', async () => {
    const [guest] = await guestWith([...HEADERS]);
    set(guest, '\0\0\0\0');
    expect(guest.context.logs).toEqual([]);
    set(guest, pairs('a', 'b').subarray(0, -1));
    expect(guest.context.logs.map(([, text]) => text)).toEqual([
      'proxy_set_header_map_pairs failed: these are no pairs, so as in Envoy the map is empty now; ' +
        'the guest gets OK',
    ]);
  });
});

describe('proxy_get_header_map_size', () => {
  it('counts names and values', async () => {
    const [guest] = await guestWith(['ab', 'cde', 'f', '']);
    expect(guest.call('proxy_get_header_map_size', REQUEST, OUT)).toBe(Status.OK);
    guest.expectWritten([OUT, u32(6)]);
  });

  it('is BAD_ARGUMENT where the map can’t be changed, and creates no trailers', async () => {
    const [guest, map] = await guestWith(HEADERS);
    guest.context.maps.set(RESPONSE, map);
    guest.context.mutableMaps.set(TRAILERS, map);
    expect(guest.call('proxy_get_header_map_size', RESPONSE, OUT)).toBe(Status.BAD_ARGUMENT);
    expect(guest.call('proxy_get_header_map_size', TRAILERS, OUT)).toBe(Status.BAD_ARGUMENT);
    guest.expectWritten();
  });
});

describe('proxy_get_header_map_value', () => {
  const get = (guest: HostcallGuest, name: string, type: number = REQUEST) =>
    guest.call('proxy_get_header_map_value', type, ...guest.put(name), OUT, OUT_2);

  it.each(['x-user', 'X-User', 'X-USER'])('gives the first value of %s', async (name) => {
    const [guest] = await guestWith(HEADERS);
    expect(get(guest, name)).toBe(Status.OK);
    guest.expectReturned('ann');
  });

  it('gives an empty value without the allocator', async () => {
    const [guest] = await guestWith(HEADERS);
    expect(get(guest, 'x-empty')).toBe(Status.OK);
    guest.expectReturned('');
    expect(guest.allocations).toBe(0);
  });

  it.each(['x-absent', '', 'not a name', 'x'.repeat(300), 'x-user\0'])(
    'does not find %j',
    async (name) => {
      const [guest] = await guestWith(HEADERS);
      expect(get(guest, name)).toBe(Status.NOT_FOUND);
      guest.expectWritten();
    },
  );

  it('gives ABI 0.1.0 an empty value of what is absent', async () => {
    const guest = await hostcallGuest({ abiVersion: '0.1.0' });
    guest.context.hold(REQUEST, HEADERS);
    expect(get(guest, 'x-absent')).toBe(Status.OK);
    guest.expectReturned('');
  });

  it('refuses a map that is not there, but for proxy_on_log, where it reads as empty', async () => {
    const [guest] = await guestWith(HEADERS);
    expect(get(guest, 'x-user', RESPONSE)).toBe(Status.BAD_ARGUMENT);
    guest.context.logging = true;
    expect(get(guest, 'x-user', RESPONSE)).toBe(Status.NOT_FOUND);
    guest.expectWritten();
  });

  it('tells names apart that share a slot of the cache', async () => {
    const names = Array.from({ length: 2000 }, (_, index) => `x-name-${String(index)}`);
    const [guest] = await guestWith(names.flatMap((name, index) => [name, `v${String(index)}`]));
    for (const [index, name] of [...names, ...names].entries()) {
      guest.memory.write(name, 2000, 'latin1');
      guest.run('proxy_set_effective_context', 1);
      const values = [REQUEST, 2000, name.length, OUT, OUT_2];
      expect(guest.again('proxy_get_header_map_value', ...values)).toBe(Status.OK);
      const ptr = guest.memory.readUInt32LE(OUT);
      const value = guest.memory.toString('latin1', ptr, ptr + guest.memory.readUInt32LE(OUT_2));
      expect(value).toBe(`v${String(index % names.length)}`);
      guest.rewind();
    }
  });
});

describe.each(['proxy_add_header_map_value', 'proxy_replace_header_map_value'])('%s', (name) => {
  const write = (guest: HostcallGuest, key: string, value: string, type: number = REQUEST) =>
    guest.call(name, type, ...guest.put(key), ...guest.put(value));

  it('lower-cases the name and keeps every byte of the value', async () => {
    const [guest, map] = await guestWith([]);
    expect(write(guest, 'X-New', 'caf\u00e9\t\u00ff')).toBe(Status.OK);
    expect(map.entries()).toEqual(['x-new', 'caf\u00e9\t\u00ff']);
    guest.expectWritten();
  });

  it('takes an empty value', async () => {
    const [guest, map] = await guestWith([]);
    expect(write(guest, 'x-new', '')).toBe(Status.OK);
    expect(map.entries()).toEqual(['x-new', '']);
  });

  it.each([
    ['', 'v'],
    ['a b', 'v'],
    ['a:b', 'v'],
    ['a\r\nb', 'v'],
    ['x-\u00e9', 'v'],
    ['::a', 'v'],
    [':', 'v'],
    ['x', 'a\r\nb: c'],
    ['x', 'a\0b'],
    ['x', 'a\x7f'],
    ['x', `${'long '.repeat(30)}\n`],
    [':path', '/a b'],
    [':path', ''],
    [':method', 'GE T'],
    [':status', '200'],
    [':unknown', 'x'],
  ])('refuses %j: %j, again too', async (key, value) => {
    const [guest, map] = await guestWith([...HEADERS]);
    expect(write(guest, key, value)).toBe(Status.BAD_ARGUMENT);
    expect(write(guest, key, value)).toBe(Status.BAD_ARGUMENT);
    expect(map.entries()).toEqual(HEADERS);
    // Once: the log is not for a guest to fill.
    expect(guest.context.logs).toEqual([
      [LogLevel.WARN, expect.stringMatching(`^${name} failed: a name or value is none that HTTP`)],
    ]);
  });

  it.each(['', '1', '99', '100', '199', '1000', 'abc', '0200', '200 OK'])(
    'refuses the status %j',
    async (value) => {
      const guest = await hostcallGuest();
      const map = guest.context.hold(RESPONSE, [':status', '200']);
      expect(write(guest, ':status', value, RESPONSE)).toBe(Status.BAD_ARGUMENT);
      expect(map.get(':status')).toBe('200');
    },
  );

  it('has no pseudo headers in trailers', async () => {
    const guest = await hostcallGuest();
    guest.context.hold(TRAILERS, []);
    expect(write(guest, ':status', '200', TRAILERS)).toBe(Status.BAD_ARGUMENT);
    expect(write(guest, 'grpc-status', '0', TRAILERS)).toBe(Status.OK);
  });
});

it('proxy_add_header_map_value appends, proxy_replace_header_map_value sets the first', async () => {
  const [guest, map] = await guestWith(['a', '1', 'b', '2', 'a', '3']);
  const a = guest.put('A');
  expect(guest.call('proxy_replace_header_map_value', REQUEST, ...a, ...guest.put('4'))).toBe(0);
  expect(guest.call('proxy_add_header_map_value', REQUEST, ...a, ...guest.put('5'))).toBe(0);
  const status = guest.put(':path');
  expect(guest.call('proxy_replace_header_map_value', REQUEST, ...status, ...guest.put('/x'))).toBe(
    0,
  );
  expect(map.entries()).toEqual(['a', '4', 'b', '2', 'a', '3', 'a', '5', ':path', '/x']);
});

it.each(['200', '404', '999'])('a response may get the status %s', async (value) => {
  const guest = await hostcallGuest();
  const map = guest.context.hold(RESPONSE, [':status', '200']);
  const values = [...guest.put(':status'), ...guest.put(value)];
  expect(guest.call('proxy_replace_header_map_value', RESPONSE, ...values)).toBe(Status.OK);
  expect(map.get(':status')).toBe(value);
});

describe('proxy_remove_header_map_value', () => {
  it('removes every entry of the name; none is OK too', async () => {
    const [guest, map] = await guestWith([...HEADERS]);
    for (const name of ['X-User', 'x-absent', 'not a name', '']) {
      expect(guest.call('proxy_remove_header_map_value', REQUEST, ...guest.put(name))).toBe(0);
    }
    expect(map.entries()).toEqual([':method', 'GET', 'x-empty', '']);
    guest.expectWritten();
  });
});

const READERS = [
  ['proxy_get_header_map_pairs', (type: number) => [type, OUT, OUT_2]],
  ['proxy_get_header_map_size', (type: number) => [type, OUT]],
  ['proxy_get_header_map_value', (type: number) => [type, 0, 1, OUT, OUT_2]],
] as const;
const WRITERS = [
  ['proxy_set_header_map_pairs', (type: number) => [type, 0, 0]],
  ['proxy_add_header_map_value', (type: number) => [type, 4096, 4, 4096, 4]],
  ['proxy_replace_header_map_value', (type: number) => [type, 4096, 4, 4096, 4]],
  ['proxy_remove_header_map_value', (type: number) => [type, 4096, 4]],
] as const;

it.each([...READERS, ...WRITERS])('%s refuses unknown map types', async (name, values) => {
  const guest = await hostcallGuest();
  for (const type of [8, -1, 0x7fff_ffff]) {
    expect(guest.call(name, ...values(type))).toBe(Status.BAD_ARGUMENT);
    guest.expectWritten();
  }
});

it.each(WRITERS)('%s refuses maps that can’t be changed', async (name, values) => {
  const [guest, map] = await guestWith([...HEADERS]);
  guest.context.mutableMaps.clear();
  guest.put('name');
  for (let type = 0; type <= MapType.HTTP_CALL_RESPONSE_TRAILERS; type += 1) {
    guest.context.maps.set(type, map);
    expect(guest.call(name, ...values(type))).toBe(Status.BAD_ARGUMENT);
  }
  expect(map.entries()).toEqual(HEADERS);
});

describe('headers of the connection', () => {
  const name = 'Transfer-Encoding';

  it.each(['add', 'replace'])('are not written by proxy_%s_header_map_value', async (verb) => {
    const [guest, map] = await guestWith(['x-user', 'ann']);
    const call = `proxy_${verb}_header_map_value`;
    const values = [...guest.put(name), ...guest.put('chunked')];
    expect(guest.call(call, REQUEST, ...values)).toBe(Status.OK);
    expect(map.entries()).toEqual(['x-user', 'ann']);
    expect(guest.call(call, RESPONSE, ...values)).toBe(Status.BAD_ARGUMENT);
  });

  it('can be removed', async () => {
    const [guest, map] = await guestWith(['transfer-encoding', 'chunked', 'x-user', 'ann']);
    const call = 'proxy_remove_header_map_value';
    expect(guest.call(call, REQUEST, ...guest.put(name))).toBe(Status.OK);
    expect(map.entries()).toEqual(['x-user', 'ann']);
  });
});
