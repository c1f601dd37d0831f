/** What a trap tells: who, where, and the guest's stack as the module's author knows it. */
import { describe, expect, it } from 'vitest';

import { createHost, type Limits } from '../../src/index.js';
import { filter, type FilterParts } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

/** The frames of the guest in the error that a start ends with: function, and offset in the module. */
async function frames(parts: FilterParts, limits: Limits): Promise<string[]> {
  const host = createHost({ logger: recordLog().logger });
  const started = host.createPlugin({ code: await filter(parts), limits });
  const error = await started.then(
    () => new Error('it started'),
    (thrown: Error) => thrown,
  );
  await host.close();
  const { cause } = error as { cause?: { cause?: Error } & Error };
  const stack = (cause?.cause ?? cause)?.stack ?? '';
  return [...stack.matchAll(/at (\S+) \(wasm:[^)]*\[(\d+)\]:0x([0-9a-f]+)\)/g)].map(
    ([, name, index, offset]) => [name, index, offset].join(' '),
  );
}

/** With a maximum of its own, so that a module whose time is not limited stays as it is. */
const CAPPED = '(memory (export "memory") 1 1)';

const CONFIGURE = `(func $configure (export "proxy_on_configure") (param i32 i32) (result i32)
  (call $outer (i32.const 3)) (i32.const 1))`;

describe('the stack of a trap', () => {
  it.each([
    [
      'in a loop',
      `(func $outer (param i32) (loop $l (call $inner (local.get 0)) (br $l)))
       (func $inner (param i32) (loop $l (local.set 0 (i32.sub (local.get 0) (i32.const 1)))
         (br_if $l (local.get 0))) (unreachable)) ${CONFIGURE}`,
      ['inner', 'outer', 'configure'],
    ],
    [
      'behind memory.fill',
      `(func $outer (param i32) (memory.fill (i32.const 0) (local.get 0) (i32.const 9))
         (i32.store (i32.const -4) (local.get 0))) ${CONFIGURE}`,
      ['outer', 'configure'],
    ],
    [
      'in memory.copy itself',
      `(func $outer (param i32) (memory.copy (i32.const 0) (i32.const -8) (i32.const 9))) ${CONFIGURE}`,
      ['outer', 'configure'],
    ],
    ['in a start function', '(func $s (loop) (unreachable)) (start $s)', ['s']],
  ])('%s names functions and places of the module as it came', async (_, body, names) => {
    const plain = await frames({ body, memory: CAPPED }, { callbackTimeMs: false });
    const woven = await frames({ body, memory: CAPPED }, {});
    expect(woven).toEqual(plain);
    expect(woven.map((frame) => frame.split(' ')[0])).toEqual(names);
  });

  it('is so where only the memory has been capped', async () => {
    const body = `(func $outer (param i32) (unreachable)) ${CONFIGURE}`;
    const limits = { callbackTimeMs: false, memoryBytes: 65_536 } as const;
    const memory = '(memory (export "memory") 1)';
    const [capped] = await frames({ body, memory }, limits);
    // The maximum is a byte more, in the section before the code.
    const [plain] = await frames({ body, memory: CAPPED }, limits);
    const offset = (frame = ''): number => Number.parseInt(frame.split(' ')[2] ?? '', 16);
    expect(offset(capped)).toBe(offset(plain) - 1);
  });

  it('of a callback that ran too long begins where it looped, not in the check', async () => {
    const body = `(func $outer (param i32) (loop $forever (br $forever))) ${CONFIGURE}`;
    const [innermost = '', ...others] = await frames({ body }, { callbackTimeMs: 30 });
    expect(others.map((frame) => frame.split(' ')[0])).toEqual(['configure']);
    expect(innermost).toMatch(/^outer /);
  });
});
