/** A guest that has ended its VM, catches that, and goes on: WASI does nothing more for it. */
import { afterEach, describe, expect, it } from 'vitest';

import { createHost } from '../../../src/index.js';
import { wasmFilter } from '../../../src/node/wasm-filter.js';
import { listen, RawClient, serverOf } from '../../support/filter-server.js';
import { filter } from '../../support/modules.js';
import { recordLog } from '../../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const WASI = 'wasi_snapshot_preview1';
const IMPORTS = `
  (import "env" "seen" (func $seen (param i32)))
  (import "${WASI}" "proc_exit" (func $exit (param i32)))
  (import "${WASI}" "sched_yield" (func $yield (result i32)))
  (import "${WASI}" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))
  (import "${WASI}" "clock_time_get" (func $clock (param i32 i64 i32) (result i32)))
  (import "${WASI}" "random_get" (func $random (param i32 i32) (result i32)))`;
const CAUGHT = -2;

/** Exits, catches it, and then makes that call; 'seen' gets its result, or {@link CAUGHT}. */
async function callAfterExit(call: string): Promise<{ results: number[]; lines: string[] }> {
  const log = recordLog();
  const results: number[] = [];
  const seen = (_context: unknown, value?: number | bigint): void => {
    results.push(Number(value));
  };
  const host = createHost({ logger: log.logger, hostFunctions: { seen } });
  cleanups.push(() => host.close());
  const body = `
    (data (i32.const 16) "\\40\\00\\00\\00\\05\\00\\00\\00") (data (i32.const 64) "late\\0a")
    (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (local $result i32)
      (try (do (call $exit (i32.const 3))) (catch_all))
      (local.set $result (i32.const ${String(CAUGHT)}))
      (try (do (local.set $result ${call})) (catch_all))
      (call $seen (local.get $result))
      (i32.const 0))`;
  const plugin = await host.createPlugin({
    code: await filter({ imports: IMPORTS, body }),
    name: 'p',
    failurePolicy: 'fail-closed',
  });
  const { port, close } = await listen(
    serverOf(wasmFilter(plugin), (_, res) => {
      res.end('app');
    }),
  );
  cleanups.push(close);
  const client = new RawClient(port);
  client.send('GET / HTTP/1.1\nhost: a\nconnection: close');
  await client.closed;
  expect(client.text).toMatch(/^HTTP\/1.1 503 /);
  expect(plugin.failure).toMatchObject({ code: 'PW_ERR_GUEST_EXITED' });
  return { results, lines: [...log.texts('info'), ...log.texts('error')] };
}

describe('after proc_exit', () => {
  it('what is written is not logged, and the guest learns that', async () => {
    const call = '(call $write (i32.const 1) (i32.const 16) (i32.const 1) (i32.const 8))';
    const { results, lines } = await callAfterExit(call);
    expect(results).toEqual([CAUGHT]);
    expect(lines.filter((line) => line.includes('late'))).toEqual([]);
    // One entry, for the exit.
    expect(lines).toHaveLength(1);
  });

  it('another exit changes nothing', async () => {
    const { results, lines } = await callAfterExit(
      '(block (result i32) (call $exit (i32.const 9)) (i32.const 0))',
    );
    expect(results).toEqual([CAUGHT]);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain('proc_exit(3)');
  });

  it.each([
    ['the time', '(call $clock (i32.const 0) (i64.const 0) (i32.const 8))'],
    ['random bytes', '(call $random (i32.const 8) (i32.const 8))'],
    ['sched_yield', '(call $yield)'],
  ])('%s is still answered: it reaches nothing but the guest’s own memory', async (_what, call) => {
    expect((await callAfterExit(call)).results).toEqual([0]);
  });
});
