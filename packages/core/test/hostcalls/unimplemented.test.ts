import { expect, it } from 'vitest';

import { LogLevel, Status } from '../../src/abi/types.js';
import { hostcallGuest, parametersOf } from '../support/hostcall-guest.js';

const FAMILIES = {
  'foreign-functions': ['proxy_call_foreign_function'],
};

it.each(Object.values(FAMILIES).flat())('%s says once that it is not built', async (name) => {
  const guest = await hostcallGuest();
  guest.context.properties.set('plugin_name', 'auth');
  const values = parametersOf(name).map((type) => (type === 'i64' ? 1n : 1));
  expect(guest.call(name, ...values)).toBe(Status.UNIMPLEMENTED);
  expect(guest.call(name, ...values)).toBe(Status.UNIMPLEMENTED);
  guest.expectWritten();
  const text = `${name} is not built yet in this host; plugin "auth" gets UNIMPLEMENTED`;
  expect(guest.context.logs).toEqual([[LogLevel.WARN, text]]);
});
