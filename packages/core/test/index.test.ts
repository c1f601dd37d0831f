import { expect, it } from 'vitest';

import * as core from '../src/index.js';

it('exports just these values', () => {
  expect(Object.keys(core).sort()).toEqual([
    'ErrorCodes',
    'ProxyWasmError',
    'createHost',
    'createPlugin',
    'createService',
    'createSharedState',
    'envoyFailurePolicy',
    'inspectModule',
  ]);
});
