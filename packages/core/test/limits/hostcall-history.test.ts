/** The last hostcalls, which a trap tells of a plugin that has failed before. */
import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import { createHost, type PluginOptions, type ProxyWasmError } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { eventually, listen, RawClient, serverOf } from '../support/filter-server.js';
import { filter, LOG } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

const IMPORTS = `${LOG}
  (import "env" "own" (func $own (param i32)))
  (import "env" "proxy_get_property" (func $property (param i32 i32 i32 i32) (result i32)))
  (import "wasi_snapshot_preview1" "fd_close" (func $close (param i32) (result i32)))`;
const log = (times: number): string =>
  '(drop (call $log (i32.const 2) (i32.const 64) (i32.const 4)))'.repeat(times);
const GET = '(drop (call $property (i32.const 64) (i32.const 4) (i32.const 8) (i32.const 12)))';

/** A module that does this with each request's head. */
const doing = (code: string, allocator?: string): Promise<Uint8Array> =>
  filter({
    imports: IMPORTS,
    ...(allocator === undefined ? {} : { allocator }),
    body: `(data (i32.const 64) "none")
      (func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) ${code} (unreachable))`,
  });

async function serve(code: Uint8Array, options: Partial<PluginOptions> = {}) {
  const lines = recordLog('error');
  const host = createHost({ logger: lines.logger, hostFunctions: { own: () => undefined } });
  cleanups.push(() => host.close());
  const reloadBackoff = { baseIntervalMs: 1, maxIntervalMs: 1 };
  const plugin = await host.createPlugin({ code, name: 'p', reloadBackoff, ...options });
  const { port, close } = await listen(
    serverOf(wasmFilter(plugin), (_, res) => {
      res.end();
    }),
  );
  cleanups.push(close);
  const trap = async (): Promise<ProxyWasmError> => {
    await eventually(() => plugin.state === 'running', 'it runs');
    const failed = once(plugin, 'failed');
    const client = new RawClient(port);
    client.send('GET / HTTP/1.1\nhost: a\nconnection: close');
    await client.closed;
    return (await failed)[0] as ProxyWasmError;
  };
  return { trap, entries: () => lines.texts(), plugin };
}

describe('the last hostcalls', () => {
  const ALL = `${log(2)} ${GET} (call $own (i32.const 1)) (drop (call $close (i32.const 1)))`;
  const TOLD = [
    { name: 'proxy_log', status: 'OK' },
    { name: 'proxy_log', status: 'OK' },
    { name: 'proxy_get_property', status: 'NOT_FOUND' },
    { name: 'own', status: undefined },
    { name: 'fd_close', status: 'SUCCESS' },
  ];

  it('are told from the second failure on, oldest first, and in its log entry', async () => {
    const { trap, entries } = await serve(await doing(ALL));
    expect((await trap()).hostcalls).toBeUndefined();
    expect((await trap()).hostcalls).toEqual(TOLD);
    expect(entries()).toHaveLength(2);
    expect(entries()[0]).not.toContain('last hostcalls');
    expect(entries()[1]).toContain(
      '\n    last hostcalls: proxy_log OK (2 times), proxy_get_property NOT_FOUND, ' +
        'own (no status), fd_close SUCCESS',
    );
  });

  it('are told at once with recordHostcalls, and never without', async () => {
    const code = await doing(ALL);
    const always = await serve(code, { recordHostcalls: true });
    expect((await always.trap()).hostcalls).toEqual(TOLD);
    const never = await serve(code, { recordHostcalls: false });
    await never.trap();
    expect((await never.trap()).hostcalls).toBeUndefined();
  });

  it('begin anew with code that is loaded anew', async () => {
    const { trap, plugin } = await serve(await doing(ALL));
    await trap();
    await eventually(() => plugin.state === 'running', 'it runs');
    await plugin.reload();
    expect((await trap()).hostcalls).toBeUndefined();
  });

  it('are the last sixteen', async () => {
    const { trap } = await serve(await doing(`${GET} ${log(15)}`), { recordHostcalls: true });
    expect((await trap()).hostcalls).toHaveLength(16);
    const more = await serve(await doing(`${GET} ${log(16)}`), { recordHostcalls: true });
    const { hostcalls = [] } = await more.trap();
    expect(hostcalls).toEqual(new Array(16).fill({ name: 'proxy_log', status: 'OK' }));
  });

  it('have no status where they have not returned', async () => {
    const allocator = `(func (export "malloc") (param i32) (result i32) ${log(1)} (unreachable))`;
    const code = await filter({
      imports: `${LOG}
        (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))`,
      allocator,
      body: `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (call $pairs (i32.const 0) (i32.const 8) (i32.const 12)))`,
    });
    const { trap } = await serve(code, { recordHostcalls: true });
    expect((await trap()).hostcalls).toEqual([
      { name: 'proxy_get_header_map_pairs', status: undefined },
      { name: 'proxy_log', status: 'OK' },
    ]);
  });
});
