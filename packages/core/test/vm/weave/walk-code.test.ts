/** The part of the weaver that is WebAssembly is what its text says. */
import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';
import wabt from 'wabt';

import { WALK_CODE } from '../../../src/vm/weave/walk-code.js';

const TEXT = new URL('../../../src/vm/weave/walk.wat', import.meta.url);

it('is walk.wat, assembled; else: node scripts/assemble-walk.mjs', async () => {
  const { parseWat } = await wabt();
  const module = parseWat('walk.wat', await readFile(TEXT, 'utf8'));
  const { buffer } = module.toBinary({});
  module.destroy();
  expect(Buffer.from(buffer).toString('base64')).toBe(WALK_CODE);
});
