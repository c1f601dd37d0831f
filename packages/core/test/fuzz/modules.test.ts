/**
 * The module checker on modules with bytes changed: what `inspectModule` and loading come to is a
 * report, a module, or an error of ours, soon. Seeds are real filters' smaller parts, modules with
 * every kind of instruction, and `corpus/modules.hex`.
 */
import { readFileSync } from 'node:fs';

import fc from 'fast-check';
import { afterAll, expect, it } from 'vitest';

import { createHost, inspectModule, ProxyWasmError } from '../../src/index.js';
import { FUZZ_TIMEOUT_MS, fuzzRuns } from '../support/fuzz-runs.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';
import { specimens } from '../vm/weave/corpus.js';

/** Far more than any of these small modules takes; a loop without end takes more. */
const LONG_MS = 5000;

/** Modules as filters are: what the checks look at, once in the middle of its range, once at its edges. */
const FILTERS = [
  filter(),
  filter({
    imports: `(import "env" "proxy_log" (func (param i32 i32 i32) (result i32)))
      (import "wasi_snapshot_preview1" "fd_write" (func (param i32 i32 i32 i32) (result i32)))`,
    memory: '(memory (export "memory") 2 9) (table (export "t") 3 9 funcref)',
    body: `(global (export "g") (mut i32) (i32.const 5)) (data (i32.const 8) "some data")
      (func $start (loop $l (br_if $l (i32.const 0)))) (start $start)
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 0))
      (func (export "proxy_on_configure") (param i32 i32) (result i32) (i32.const 1))`,
  }),
  filter({ abi: '0_1_0', imports: '(import "env" "memory" (memory 1 4))', memory: '' }),
];

function corpus(): Buffer[] {
  const text = readFileSync(new URL('corpus/modules.hex', import.meta.url), 'latin1');
  const lines = text.split('\n').map((line) => line.replace(/#.*/, '').replaceAll(' ', ''));
  return lines.filter(Boolean).map((line) => Buffer.from(line, 'hex'));
}

const host = createHost({ logger: recordLog('silent').logger });
afterAll(() => host.close());

const change = fc.record({
  kind: fc.constantFrom('set', 'set', 'set', 'drop', 'insert', 'cut'),
  at: fc.nat(),
  byte: fc.oneof(
    fc.constantFrom(0, 1, 2, 3, 4, 7, 0x0a, 0x40, 0x60, 0x7f, 0x80, 0xff),
    fc.integer({ min: 0, max: 255 }),
  ),
});

function changed(
  seed: Uint8Array,
  changes: readonly { kind: string; at: number; byte: number }[],
): Uint8Array {
  let bytes: number[] = [...seed];
  for (const { kind, at: anywhere, byte } of changes) {
    // The first bytes have a test of their own.
    const at = bytes.length <= 8 ? bytes.length : 8 + (anywhere % (bytes.length - 8));
    if (kind === 'set') bytes[at] = byte;
    else if (kind === 'drop') bytes.splice(at, 1);
    else if (kind === 'insert') bytes.splice(at, 0, byte);
    else bytes = bytes.slice(0, at);
  }
  return Uint8Array.from(bytes);
}

/** What came of it: 'ok', or the error's code. Any other error is thrown on. */
async function outcomeOf(attempt: Promise<unknown>): Promise<string> {
  try {
    await attempt;
    return 'ok';
  } catch (error) {
    if (error instanceof ProxyWasmError) return error.code;
    throw error;
  }
}

/** Loads and starts it, and closes it again. */
async function open(code: Uint8Array): Promise<void> {
  const plugin = await host.createPlugin({ code, limits: { callbackTimeMs: 200 } });
  await plugin.close();
}

it(
  'a changed module is reported on, runs, or is refused with an error of ours, and soon',
  async () => {
    const seeds = [
      ...(await Promise.all(FILTERS)),
      ...(await specimens()).map(({ bytes }) => bytes),
      ...corpus(),
    ];
    const outcomes = new Set<string>();
    const input = fc.tuple(
      fc.nat(seeds.length - 1),
      fc.array(change, { minLength: 0, maxLength: 4 }),
    );
    await fc.assert(
      fc.asyncProperty(input, async ([index, changes]) => {
        const code = changed(seeds[index] as Uint8Array, changes);
        const begun = performance.now();
        const reported = await outcomeOf(inspectModule(code));
        const opened = await outcomeOf(open(code));
        expect(performance.now() - begun).toBeLessThan(LONG_MS);
        outcomes.add(reported).add(opened);
        // What can't be read can't be run.
        if (reported !== 'ok') expect(opened).toBe(reported);
      }),
      { numRuns: fuzzRuns(1500) },
    );
    // Otherwise it would have tried nothing.
    const common = ['ok', 'PW_ERR_MODULE_INVALID', 'PW_ERR_MODULE_ABI'];
    for (const outcome of common) expect([...outcomes]).toContain(outcome);
  },
  FUZZ_TIMEOUT_MS,
);
