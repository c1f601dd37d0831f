/**
 * Every callback that the host calls, with a guest that never comes back from it, never stops going
 * deeper, or traps: the host goes on, and the error says which callback it was.
 */
import { afterEach, describe, expect, it } from 'vitest';

import { CALLBACK_SIGNATURES } from '../../src/abi/callback-signatures.js';
import { createHost } from '../../src/index.js';
import type { Vm } from '../../src/vm/vm.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';
