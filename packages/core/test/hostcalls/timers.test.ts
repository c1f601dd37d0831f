import { expect, it } from 'vitest';

import { Status } from '../../src/abi/types.js';
import { hostcallGuest } from '../support/hostcall-guest.js';
import { TestClock } from '../support/test-clock.js';

it('proxy_set_tick_period_milliseconds starts and stops the plugin context’s timer', async () => {
  const clock = new TestClock();
  const guest = await hostcallGuest({ services: { clock } });
  expect(guest.call('proxy_set_tick_period_milliseconds', 50)).toBe(Status.OK);
  guest.expectWritten();
  clock.advance(120);
  expect(guest.context.events).toEqual(['tick', 'tick']);
  expect(guest.call('proxy_set_tick_period_milliseconds', 0)).toBe(Status.OK);
  clock.advance(1000);
  expect([guest.context.events.length, clock.waiting]).toEqual([2, 0]);
});

it('takes the period as unsigned', async () => {
  const clock = new TestClock();
  const guest = await hostcallGuest({ services: { clock } });
  expect(guest.call('proxy_set_tick_period_milliseconds', -1)).toBe(Status.OK);
  clock.advance(1_000_000);
  expect([guest.context.events, clock.waiting]).toEqual([[], 1]);
});
