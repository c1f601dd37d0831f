import { expect, it } from 'vitest';

import { LogLevel, Status } from '../../src/abi/types.js';
import { hostcallGuest, OUT, pairs, u32, type HostcallGuest } from '../support/hostcall-guest.js';

const HEADERS = [':method', 'GET', ':path', '/a', ':authority', 'a.test'];

interface Call {
  upstream?: string;
  headers?: Uint8Array;
  body?: string;
  trailers?: Uint8Array;
  timeoutMs?: number;
  out?: number;
}

function call(guest: HostcallGuest, values: Call = {}): number {
  const { upstream = 'up', headers = pairs(...HEADERS), body = '', trailers = '' } = values;
  const inputs = [upstream, headers, body, trailers].flatMap((content) => guest.put(content));
  return guest.call('proxy_http_call', ...inputs, values.timeoutMs ?? 0, values.out ?? OUT);
}

it('hands the request to the context, in bytes of its own, and the id to the guest', async () => {
  const guest = await hostcallGuest();
  const headers = pairs(
    ':Method',
    'POST',
    ':path',
    '/p',
    'X-A',
    '1',
    ':authority',
    'a',
    'x-a',
    '2',
  );
  const trailers = pairs('X-T', '3');
  expect(call(guest, { headers, body: 'body', trailers, timeoutMs: 0x7fff_ffff })).toBe(Status.OK);
  guest.expectWritten([OUT, u32(7)]);
  guest.memory.fill(0);
  expect(guest.context.events).toEqual([
    [
      'http call',
      'up',
      {
        method: 'POST',
        path: '/p',
        authority: 'a',
        headers: ['x-a', '1', 'x-a', '2'],
        body: Buffer.from('body'),
        trailers: ['x-t', '3'],
        timeoutMs: 0x7fff_ffff,
      },
    ],
  ]);
});

it.each([
  ['no method', pairs(...HEADERS.slice(2)), 'there is no :method'],
  ['no path', pairs(...HEADERS.slice(0, 2), ...HEADERS.slice(4)), 'there is no :path'],
  ['no authority', pairs(...HEADERS.slice(0, 4)), 'there is no :authority'],
  ['malformed pairs', Buffer.from([9, 0, 0, 0]), 'there is no :method'],
  ['a line break in a value', pairs(...HEADERS, 'x', 'a\r\nb: c'), 'a header is not valid'],
  ['a space in the path', pairs(...HEADERS.with(3, '/a b')), 'a header is not valid'],
  ['a pseudo header of no request', pairs(...HEADERS, ':status', '200'), 'a header is not valid'],
  ['CONNECT', pairs(...HEADERS.with(1, 'Connect')), 'CONNECT is no request that has a response'],
])('refuses %s', async (_what, headers, why) => {
  const guest = await hostcallGuest();
  expect(call(guest, { headers })).toBe(Status.BAD_ARGUMENT);
  guest.expectWritten([OUT, u32(0)]);
  expect(guest.context.logs).toEqual([
    [LogLevel.WARN, `HTTP call to upstream "up" refused: ${why}`],
  ]);
  expect(guest.context.events).toEqual([]);
});

it('refuses bad trailers, and a timeout that is negative as a signed number', async () => {
  const guest = await hostcallGuest();
  expect(call(guest, { trailers: pairs(':path', '/') })).toBe(Status.BAD_ARGUMENT);
  expect(call(guest, { timeoutMs: -1 })).toBe(Status.BAD_ARGUMENT);
  expect(guest.context.logs.map(([, text]) => text)).toEqual([
    'HTTP call to upstream "up" refused: a trailer is not valid',
    'HTTP call to upstream "up" refused: the timeout is not below 2^31 ms',
  ]);
  expect(guest.context.events).toEqual([]);
});

it('answers what the context answers, with an id of 0', async () => {
  const guest = await hostcallGuest();
  guest.context.callStarted = { status: Status.INTERNAL_FAILURE, id: 0 };
  expect(call(guest)).toBe(Status.INTERNAL_FAILURE);
  guest.expectWritten([OUT, u32(0)]);
});

it.each([0, 1, 2, 3, 4, 5, 6, 7, 9])('refuses an address outside the memory: %i', async (index) => {
  const guest = await hostcallGuest();
  const values = ['up', pairs(...HEADERS), '', ''].flatMap((content) => guest.put(content));
  values.push(0, OUT);
  values[index] = -8;
  expect(guest.call('proxy_http_call', ...values)).toBe(Status.INVALID_MEMORY_ACCESS);
  guest.expectWritten();
  expect(guest.context.events).toEqual([]);
});
