import { expect, it } from 'vitest';

import { resolveServiceOptions } from '../../src/thread/service-options.js';

it.each([
  ['selfTest', () => undefined, 'sees no requests'],
  ['recycle', { requests: 1 }, 'sees no requests'],
  ['inFlightPolicy', 'fail-open', 'sees no requests'],
  ['allowOnHeadersStopIteration', true, 'sees no requests'],
  ['watch', true, 'is not reloaded'],
])('a service has no option %s, and is told why', (name, value, reason) => {
  const options = { code: './service.wasm', [name]: value };
  expect(() => resolveServiceOptions(options)).toThrow(
    `${name} is no option of a service, which ${reason}`,
  );
});
