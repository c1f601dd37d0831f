/** What `writeHead` and `addTrailers` are given, taken and refused as Node would. */
import { validateHeaderName } from 'node:http';

import { INVALID_VALUE, toHeaderValue } from '../abi/header-syntax.js';
import { hasHeaders, headerOf, setHeader } from './header-table.js';
import { isHttp2, type NodeResponse } from './messages.js';

/** What `writeHead` was called with: status, then reason and headers, either of them optional. */
export type HeadValues = readonly [status: unknown, reason?: unknown, headers?: unknown];

/** @throws what Node's own functions throw on a status, name or value that they refuse */
export function mergeHead(res: NodeResponse, [status, reason, last]: HeadValues): void {
  const code = Number(status) | 0;
  if (code < 100 || code > 999) {
    throw withCode(
      new RangeError(`Invalid status code: ${String(status)}`),
      'ERR_HTTP_INVALID_STATUS_CODE',
    );
  }
  const hasReason = typeof reason === 'string';
  if (hasReason && !isHttp2(res)) res.statusMessage = reason;
  res.statusCode = code;
  const headers = hasReason ? last : (last ?? reason);
  if (Array.isArray(headers)) mergeArray(res, headers);
  else if (typeof headers === 'object' && headers !== null) mergeObject(res, headers);
  if (!isHttp2(res) && res.statusMessage && !isHeaderValue(res.statusMessage)) {
    throw withCode(new TypeError('Invalid character in statusMessage'), 'ERR_INVALID_CHAR');
  }
}

/** Its second parameter, what to call the name in the error, is missing from its declaration. */
const checkTrailerName: (name: string, label: string) => void = validateHeaderName;

/** Trailers as name, value, …, as `addTrailers` takes them. @throws what Node's own throws */
export function flatTrailers(
  trailers: Record<string, unknown> | readonly (readonly [name: string, value: unknown])[],
): string[] {
  const pairs = Array.isArray(trailers) ? trailers : Object.entries(trailers);
  return (pairs as [string, unknown][]).flatMap(([name, value]) => {
    checkTrailerName(name, 'Trailer name');
    return [value].flat().flatMap((one) => [name, toTrailerValue(name, String(one))]);
  });
}

function toTrailerValue(name: string, value: string): string {
  if (isHeaderValue(value)) return value;
  throw withCode(
    new TypeError(`Invalid character in trailer content ["${name}"]`),
    'ERR_INVALID_CHAR',
  );
}

function isHeaderValue(text: string): boolean {
  return toHeaderValue(text) !== INVALID_VALUE;
}

function mergeObject(res: NodeResponse, headers: object): void {
  for (const name of Object.keys(headers)) {
    if (name !== '')
      setHeader(res, name, (headers as Record<string, string | string[]>)[name] as string);
  }
}

/** Flat, or in pairs: replaces what was set under these names, keeps its own repeats. */
function mergeArray(res: NodeResponse, headers: readonly unknown[]): void {
  const flat = (Array.isArray(headers[0]) ? headers.flat(1) : headers) as (string | string[])[];
  if (flat.length % 2 !== 0) {
    throw withCode(
      new TypeError('The argument "headers" is invalid: a value is missing'),
      'ERR_INVALID_ARG_VALUE',
    );
  }
  if (hasHeaders(res)) {
    for (let index = 0; index < flat.length; index += 2) res.removeHeader(flat[index] as string);
  }
  for (let index = 0; index < flat.length; index += 2) {
    const name = flat[index] as string;
    if (name !== '') append(res, name, flat[index + 1] as string | string[]);
  }
}

function append(res: NodeResponse, name: string, value: string | string[]): void {
  if (typeof name === 'string' && headerOf(res, name.toLowerCase()) !== undefined) {
    res.appendHeader(name, value);
  } else {
    res.setHeader(name, value);
  }
}

export function withCode<E extends Error>(error: E, code: string): E {
  return Object.assign(error, { code });
}
