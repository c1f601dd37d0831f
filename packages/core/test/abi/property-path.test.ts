import { expect, it } from 'vitest';

import {
  joinPropertyPath,
  parsePropertyPath,
  trimPropertyPath,
} from '../../src/abi/property-path.js';

it.each([
  ['plugin_name', ['plugin_name']],
  ['request\0path', ['request', 'path']],
  ['request\0path\0', ['request', 'path']],
  ['a\0\0b', ['a', '', 'b']],
  ['a\0\0', ['a', '']],
  ['\0', ['']],
  ['', undefined],
])('parses %j', (path, segments) => {
  expect(parsePropertyPath(path)).toEqual(segments);
});

it('joins what it has parsed', () => {
  for (const path of ['a', 'a\0b', 'a\0b\0', 'a\0\0b']) {
    expect(joinPropertyPath(parsePropertyPath(path) ?? [])).toBe(trimPropertyPath(path));
  }
});
