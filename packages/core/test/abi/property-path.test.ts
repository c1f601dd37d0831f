import { expect, it } from 'vitest';

import { parsePropertyPath, trimPropertyPath } from '../../src/abi/property-path.js';

it.each([
  ['plugin_name', ['plugin_name']],
  ['request\0path', ['request', 'path']],
  ['request\0path\0', ['request', 'path']],
  ['a\0\0b', ['a', '', 'b']],
  ['a\0\0', ['a', '']],
  ['\0', ['']],
  ['', []],
])('parses %j', (path, segments) => {
  expect(parsePropertyPath(path)).toEqual(segments);
});

it.each([
  ['a\0b', 'a\0b'],
  ['a\0b\0', 'a\0b'],
  ['a\0\0', 'a\0'],
  ['', ''],
])('trims %j to %j', (path, trimmed) => {
  expect(trimPropertyPath(path)).toBe(trimmed);
});
