/** Modules with bytes changed: the weaver takes what the engine takes, and makes nothing of the rest. */
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { WeaveError } from '../../../src/vm/weave/cursor.js';
import { weaveModule } from '../../../src/vm/weave/weave-module.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../../support/fuzz-runs.js';
import { specimens } from './corpus.js';

const RUNS = fuzzRuns(20_000);

const LIMITS = { time: true, memoryBytes: 64 * 1024 * 1024 };

/** What the engine takes, and the weaver refuses on purpose. */
const REFUSED = /64-bit addresses/;

it(
  'a mutated module stays what it was to the engine: valid or not',
  async () => {
    const corpus = (await specimens()).map(({ bytes }) => bytes).filter(({ length }) => length > 8);
    let woven = 0;
    const property = fc.property(
      fc.nat(corpus.length - 1),
      fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 }),
      (index, changes) => {
        const bytes = (corpus[index] as Uint8Array<ArrayBuffer>).slice();
        for (const [at, value] of changes) bytes[8 + (at % (bytes.length - 8))] = value;
        const isValid = WebAssembly.validate(bytes);
        let result;
        try {
          result = weaveModule(bytes, LIMITS);
        } catch (error) {
          if (!(error instanceof WeaveError)) throw error;
          return !isValid || REFUSED.test(error.message);
        }
        if (isValid) woven += 1;
        return WebAssembly.validate(result.bytes) === isValid;
      },
    );
    fc.assert(property, { numRuns: RUNS });
    // Most changes break a module; the others are what this is about.
    expect(woven).toBeGreaterThan(RUNS / 20);
  },
  FUZZ_TIMEOUT_MS,
);
