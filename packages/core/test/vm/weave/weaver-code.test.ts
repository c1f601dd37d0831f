/** The part of the weaver that is WebAssembly is what its text says. */
import { expect, it } from 'vitest';

import { assembleWeaver } from '../../../../../scripts/assemble-weaver.mjs';
import { WEAVER_CODE } from '../../../src/vm/weave/weaver-code.js';

it('is what is in wat/, assembled; else: node scripts/assemble-weaver.mjs', async () => {
  expect(await assembleWeaver()).toBe(WEAVER_CODE);
});
