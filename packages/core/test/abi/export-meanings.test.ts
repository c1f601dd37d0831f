import { expect, it } from 'vitest';

import { CALLBACK_SIGNATURES } from '../../src/abi/callback-signatures.js';
import { EXPORT_MEANINGS, exportMeaning } from '../../src/abi/export-meanings.js';

it('has a line for every callback of the spec, in at most 70 characters', () => {
  for (const name of Object.keys(CALLBACK_SIGNATURES)) {
    expect(EXPORT_MEANINGS[name], name).toMatch(/^\S.{5,68}[^.\s]$/);
  }
});

it('knows nothing of other exports, whatever they are called', () => {
  expect(exportMeaning('constructor', 'function')).toBeUndefined();
  expect(exportMeaning('malloc', 'global')).toBeUndefined();
  expect(exportMeaning('anything', 'memory')).toBe('what guest and host exchange bytes through');
});
