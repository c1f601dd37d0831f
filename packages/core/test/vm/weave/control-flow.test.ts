/** Whatever way code jumps: what ends, does the same when it is woven; what does not, is ended. */
import fc from 'fast-check';
import { expect, it } from 'vitest';

import { weaveModule } from '../../../src/vm/weave/weave-module.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../../support/fuzz-runs.js';
import { assemble } from '../../support/wat.js';
import { clockOf } from './clock.js';
import { randomProgram, type Features } from './random-program.js';

const PROGRAMS = fuzzRuns(400);

/** Steps after which a program is taken for one that does not end. */
const MANY_STEPS = 2000;
/** Steps that take a hundred times longer than the first look at the clock. */
const TOO_MANY_STEPS = 100_000_000;

interface Run {
  readonly result: unknown;
  readonly path: number;
  /** Whether it was ended by its own budget. */
  readonly isSpent: boolean;
  /** How often the clock was asked. */
  readonly looks: number;
}

/** @param answer of the clock; undefined: the module is not woven */
function run(bytes: Uint8Array<ArrayBuffer>, budget: number, answer?: 0 | 1): Run {
  const woven =
    answer === undefined ? undefined : weaveModule(bytes, { time: true, memoryBytes: undefined });
  const module = new WebAssembly.Module(woven?.bytes ?? bytes);
  const { exports } = new WebAssembly.Instance(module);
  let looks = 0;
  if (woven?.time !== undefined) {
    (exports[woven.time.exports.clock] as WebAssembly.Table).set(
      0,
      clockOf(() => {
        looks += 1;
        return answer ?? 1;
      }),
    );
  }
  const left = exports['budget'] as WebAssembly.Global<'i32'>;
  left.value = budget;
  let result: unknown;
  try {
    result = (exports['run'] as (n: number) => number)(5);
  } catch (error) {
    result = String(error);
  }
  const path = exports['path'] as WebAssembly.Global<'i32'>;
  return { result, path: path.value, isSpent: left.value === 0, looks };
}

async function features(): Promise<Features> {
  const takes = async (text: string): Promise<boolean> =>
    WebAssembly.validate(await assemble(text));
  return {
    tailCalls: await takes('(module (func (return_call 0)))'),
    exceptions: await takes('(module (func (try (do) (catch_all))))'),
  };
}

it(
  'ends what does not end, and changes nothing of what does',
  async () => {
    const engine = await features();
    let endless = 0;
    let finite = 0;
    await fc.assert(
      fc.asyncProperty(fc.integer(), async (seed) => {
        const bytes = await assemble(randomProgram(seed, engine));
        const plain = run(bytes, MANY_STEPS);
        if (plain.isSpent) {
          endless += 1;
          const ended = run(bytes, TOO_MANY_STEPS, 0);
          // One that takes its time may end by itself; one that does not is told to.
          expect(ended.isSpent).toBe(false);
          expect(ended.looks).toBeLessThan(2);
        }
        finite += plain.isSpent ? 0 : 1;
        expect({ ...run(bytes, MANY_STEPS, 1), looks: 0 }).toEqual(plain);
      }),
      { numRuns: PROGRAMS },
    );
    expect(endless).toBeGreaterThan(PROGRAMS / 20);
    expect(finite).toBeGreaterThan(PROGRAMS / 20);
  },
  FUZZ_TIMEOUT_MS,
);
