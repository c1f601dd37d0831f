import { describe, expect, it } from 'vitest';

import { Status, StreamType } from '../../src/abi/types.js';
import { hostcallGuest } from '../support/hostcall-guest.js';

const { HTTP_REQUEST, HTTP_RESPONSE, DOWNSTREAM, UPSTREAM } = StreamType;

describe('proxy_continue_stream', () => {
  it.each([HTTP_REQUEST, HTTP_RESPONSE, DOWNSTREAM, UPSTREAM])(
    'continues stream type %d',
    async (type) => {
      const guest = await hostcallGuest();
      expect(guest.call('proxy_continue_stream', type)).toBe(Status.OK);
      expect(guest.context.events).toEqual([['continue', type]]);
    },
  );
});

it.each([HTTP_REQUEST, HTTP_RESPONSE, DOWNSTREAM, UPSTREAM])(
  'proxy_close_stream closes stream type %d',
  async (type) => {
    const guest = await hostcallGuest({ abiVersion: '0.2.0' });
    expect(guest.call('proxy_close_stream', type)).toBe(Status.OK);
    expect(guest.context.events).toEqual([['close', type]]);
  },
);

it.each(['proxy_continue_stream', 'proxy_close_stream'])(
  '%s refuses unknown types',
  async (name) => {
    const guest = await hostcallGuest();
    for (const type of [4, -1, 0x7fff_ffff]) {
      expect(guest.call(name, type)).toBe(Status.BAD_ARGUMENT);
    }
    expect(guest.context.events).toEqual([]);
  },
);

it('ABI 0.1.0 has a function for each direction, and one for a route that is not kept', async () => {
  const guest = await hostcallGuest({ abiVersion: '0.1.0' });
  expect(guest.call('proxy_continue_request')).toBe(Status.OK);
  expect(guest.call('proxy_continue_response')).toBe(Status.OK);
  expect(guest.call('proxy_clear_route_cache')).toBe(Status.OK);
  expect(guest.context.events).toEqual([
    ['continue', HTTP_REQUEST],
    ['continue', HTTP_RESPONSE],
  ]);
});
