import { validateHeaderName, validateHeaderValue } from 'node:http';

import fc from 'fast-check';
import { describe, expect, it } from 'vitest';

import {
  areAllowedHeaders,
  INVALID_VALUE,
  isAllowedHeader,
  isConnectionHeader,
  toHeaderName,
  toHeaderValue,
} from '../../src/abi/header-syntax.js';
import { MapType } from '../../src/abi/types.js';

const latin1 = fc.string({
  unit: fc.integer({ min: 0, max: 255 }).map((code) => String.fromCharCode(code)),
});

function accepts(check: () => void): boolean {
  try {
    check();
    return true;
  } catch {
    return false;
  }
}

describe('what is let in is what Node takes', () => {
  it('names', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        const name = toHeaderName(text);
        fc.pre(!name.startsWith(':'));
        expect(name !== '').toBe(accepts(() => validateHeaderName(text)));
        if (name !== '') expect(name).toBe(text.toLowerCase());
      }),
    );
  });

  it('values', () => {
    fc.assert(
      fc.property(latin1, (text) => {
        const value = toHeaderValue(text);
        expect(value !== INVALID_VALUE).toBe(accepts(() => validateHeaderValue('x', text)));
        if (value !== INVALID_VALUE) expect(value).toBe(text);
      }),
      { numRuns: 1000 },
    );
  });
});

it.each([
  [MapType.HTTP_REQUEST_HEADERS, ':path', '/a?b=c', true],
  [MapType.HTTP_REQUEST_HEADERS, ':path', '/a b', false],
  [MapType.HTTP_REQUEST_HEADERS, ':method', 'M-SEARCH', true],
  [MapType.HTTP_REQUEST_HEADERS, ':method', '', false],
  [MapType.HTTP_REQUEST_HEADERS, ':authority', '', true],
  [MapType.HTTP_REQUEST_HEADERS, ':authority', 'a b', false],
  [MapType.HTTP_REQUEST_HEADERS, ':scheme', 'https', true],
  [MapType.HTTP_REQUEST_HEADERS, ':scheme', '://', false],
  [MapType.HTTP_REQUEST_HEADERS, ':status', '200', false],
  [MapType.HTTP_RESPONSE_HEADERS, ':status', '200', true],
  [MapType.HTTP_RESPONSE_HEADERS, ':status', '101', false],
  [MapType.HTTP_RESPONSE_HEADERS, ':path', '/', false],
  [MapType.HTTP_REQUEST_TRAILERS, ':path', '/', false],
  [MapType.HTTP_REQUEST_TRAILERS, 'x', '', true],
])('map %d: %s %j: %s', (type, name, value, allowed) => {
  expect(isAllowedHeader(type, name, value)).toBe(allowed);
  expect(areAllowedHeaders(type, ['x', 'y', name, value])).toBe(allowed);
});

it('knows the headers that belong to a connection', () => {
  for (const name of ['connection', 'keep-alive', 'transfer-encoding', 'upgrade']) {
    expect(isConnectionHeader(name), name).toBe(true);
  }
  for (const name of ['te', 'trailer', 'content-length', 'host', 'expect', 'proxy-authenticate']) {
    expect(isConnectionHeader(name), name).toBe(false);
  }
});
