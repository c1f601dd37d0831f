/** What becomes of requests when a plugin fails, through real sockets. */
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, describe, expect, it } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, envoyFailurePolicy, type PluginOptions } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import type { Plugin } from '../../src/plugin.js';
import { eventually, listen, serverOf } from '../support/filter-server.js';
import { recordLog } from '../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Traps for `x-do: trap`, pauses for `x-do: pause`; others pass. */
const script: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [
      {
        wat: `(if (call $is (i32.const 116)) (then (unreachable)))
          (if (call $is (i32.const 112)) (then (return (i32.const 1))))`,
      },
      { add: [0, 'x-filtered', 'yes'] },
    ],
    proxy_on_response_headers: [{ add: [2, 'x-filtered', 'yes'] }],
  },
  extra: `(data (i32.const 400) "x-do")
    (func $is (param $first i32) (result i32)
      (i32.store (i32.const 4) (i32.const 0))
      (if (call $proxy_get_header_map_value (i32.const 0) (i32.const 400) (i32.const 4) (i32.const 0) (i32.const 4))
        (then (return (i32.const 0))))
      (i32.eq (i32.load8_u (i32.load (i32.const 0))) (local.get $first)))`,
};
/** Imports $proxy_get_header_map_value, which `extra` uses. */
const module = guest({
  ...script,
  callbacks: { ...script.callbacks, proxy_on_done: [{ logHeader: [0, 'x'] }] },
});

type Options = Omit<PluginOptions, 'code'>;

async function serve(...plugins: Options[]) {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  cleanups.push(() => host.close());
  const made: Plugin[] = [];
  for (const options of plugins) {
    made.push(await host.createPlugin({ code: await module, name: 'p', ...options }));
  }
  const filter = wasmFilter(made);
  const { port, close } = await listen(
    serverOf(filter, (req, res) => {
      res.end(req.headers['x-filtered'] === undefined ? 'unfiltered' : 'filtered');
    }),
  );
  cleanups.push(close);
  const send = async (what?: string): Promise<string> => {
    const headers: Record<string, string> = what === undefined ? {} : { 'x-do': what };
    const response = await fetch(`http://127.0.0.1:${String(port)}/`, { headers });
    return `${String(response.status)} ${await response.text()}`.trim();
  };
  const [plugin] = made as [Plugin];
  return { host, log, plugin, plugins: made, send };
}

const PASSED = '200 filtered';
const OPEN = '200 unfiltered';
const CLOSED = '503';

describe('a trap in a request', () => {
  it.each<[string, Options, { trapping: string; paused: string; later: string }]>([
    [
      'fail-closed',
      { failurePolicy: 'fail-closed' },
      { trapping: CLOSED, paused: CLOSED, later: CLOSED },
    ],
    ['fail-open', { failurePolicy: 'fail-open' }, { trapping: OPEN, paused: OPEN, later: OPEN }],
    [
      'fail-reload',
      { reloadBackoff: { baseIntervalMs: 1 } },
      { trapping: CLOSED, paused: CLOSED, later: PASSED },
    ],
    [
      'Envoy’s unspecified',
      envoyFailurePolicy({}),
      { trapping: CLOSED, paused: CLOSED, later: CLOSED },
    ],
    [
      'Envoy’s FAIL_OPEN',
      envoyFailurePolicy({ failure_policy: 'FAIL_OPEN' }),
      { trapping: CLOSED, paused: CLOSED, later: OPEN },
    ],
    [
      'Envoy’s fail_open: true',
      envoyFailurePolicy({ fail_open: true }),
      { trapping: OPEN, paused: OPEN, later: OPEN },
    ],
  ])(
    'under %s: the one that trapped, one that was paused, later ones',
    async (_name, options, expected) => {
      const { plugin, send } = await serve(options);
      expect(await send()).toBe(PASSED);
      const paused = send('pause');
      await eventually(() => plugin.streams === 1, 'the stream is paused');
      expect(await send('trap')).toBe(expected.trapping);
      expect(await paused).toBe(expected.paused);
      if (expected.later === PASSED) await eventually(() => plugin.state === 'running', 'healed');
      expect(await send()).toBe(expected.later);
      expect(plugin.state).toBe(expected.later === PASSED ? 'running' : 'failed');
    },
  );

  it('is told by event, with its streams, and so is the recovery', async () => {
    const { plugin, send, host } = await serve({ reloadBackoff: { baseIntervalMs: 20 } });
    const paused = send('pause');
    await eventually(() => plugin.streams === 1, 'the stream is paused');
    const failed = once(plugin, 'failed');
    const recovered = once(plugin, 'recovered');
    await send('trap');
    const [error, details] = (await failed) as unknown[];
    expect(error).toMatchObject({ code: 'PW_ERR_CALLBACK_TRAPPED', pluginName: 'p' });
    expect(details).toEqual({ streams: 2, heals: true });
    const [recovery] = (await recovered) as { downMs: number }[];
    expect(recovery).toMatchObject({ by: 'restart', failedAttempts: 0 });
    expect(recovery!.downMs).toBeGreaterThanOrEqual(20);
    await paused;
    expect(host.health().ready).toBe(true);
    const figures = host.metrics.read().filter(({ labels }) => labels['plugin'] === 'p');
    const of = (name: string) => figures.find((sample) => sample.name === name)?.value;
    expect(of('wasm.vm_failures')).toBe(1);
    expect(of('wasm.vm_reload_success')).toBe(1);
    expect(of('wasm.vm_reload_failure')).toBe(0);
  });

  it('starts the guest’s own state anew, and leaves shared data', async () => {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    cleanups.push(() => host.close());
    const code = await guest({
      callbacks: {
        proxy_on_configure: [{ logSharedData: 'key' }, { setSharedData: ['key', 'kept', 0] }],
        proxy_on_tick: [{ trap: true }],
        proxy_on_vm_start: [
          { wat: '(call $sayNumber (i32.load (i32.const 300)))' },
          { wat: '(i32.store (i32.const 300) (i32.const 7))' },
          { setTickPeriod: 1 },
        ],
      },
    });
    const plugin = await host.createPlugin({ code, reloadBackoff: { baseIntervalMs: 1 } });
    await once(plugin, 'recovered');
    expect(log.texts('info').slice(0, 4)).toEqual(['0', 'status 1', '0', 'kept']);
  });
});

describe('on a VM that plugins share', () => {
  it('each has its own policy, and only the one that trapped is blamed', async () => {
    const vm = { id: 'v' };
    const { plugins, send, log } = await serve(
      { name: 'open', rootId: 'a', vm, failurePolicy: 'fail-open' },
      { name: 'reload', rootId: 'b', vm, reloadBackoff: { baseIntervalMs: 50 } },
    );
    const [open, reload] = plugins as [Plugin, Plugin];
    expect(open.context?.vm).toBe(reload.context?.vm);
    const failed = once(reload, 'failed');
    // The first in the chain traps and lets the request go on; the second says no.
    expect(await send('trap')).toBe(CLOSED);
    const [error] = (await failed) as unknown[];
    expect(error).toMatchObject({
      code: 'PW_ERR_PLUGIN_FAILED',
      pluginName: 'reload',
      message: expect.stringContaining('which it shares, has failed in plugin "open"'),
      cause: { code: 'PW_ERR_CALLBACK_TRAPPED' },
    });
    expect(open.failure).toMatchObject({ code: 'PW_ERR_CALLBACK_TRAPPED', pluginName: 'open' });
    await eventually(() => reload.state === 'running', 'healed');
    expect(await send()).toBe(PASSED);
    expect(open.state).toBe('failed');
    // One stack of the guest's in the log, not one for each.
    expect(log.texts('error').filter((line) => line.includes('wasm-function['))).toHaveLength(1);
  });
});

describe('a plugin that never started', () => {
  async function directory(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'policies-'));
    cleanups.push(() => rm(path, { recursive: true }));
    return path;
  }

  async function serveFile(options: PluginOptions) {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    cleanups.push(() => host.close());
    const filter = wasmFilter(
      { reloadBackoff: { baseIntervalMs: 10, maxIntervalMs: 20 }, ...options },
      { host },
    );
    await expect(filter.ready()).rejects.toMatchObject({ name: 'ProxyWasmError' });
    const { port, close } = await listen(
      createServer((req, res) => {
        filter(req, res, () =>
          res.end(req.headers['x-filtered'] === undefined ? 'unfiltered' : 'filtered'),
        );
      }),
    );
    cleanups.push(close);
    const send = async () => {
      const response = await fetch(`http://127.0.0.1:${String(port)}/`);
      return `${String(response.status)} ${await response.text()}`.trim();
    };
    return { host, log, filter, send };
  }

  it('is failed, visible, and healed as soon as its file is right, under fail-reload', async () => {
    const code = join(await directory(), 'auth.wasm');
    const { host, filter, send, log } = await serveFile({ code });
    const [plugin] = filter.plugins as [Plugin];
    expect(await send()).toBe(CLOSED);
    expect(host.health()).toMatchObject({
      ready: false,
      plugins: [{ name: 'auth', state: 'failed', failure: { code: 'PW_ERR_CODE_NOT_FOUND' } }],
    });
    await eventually(() => log.texts('error').length > 2, 'it is tried again');
    expect(log.texts('error').at(-1)).toContain('plugin "auth" could not be started again: ');
    const recovered = once(plugin, 'recovered');
    await writeFile(code, 'no module');
    await eventually(() => log.texts('error').at(-1)!.includes('not a WebAssembly module'), 'read');
    await writeFile(code, await module);
    const [recovery] = (await recovered) as { failedAttempts: number }[];
    expect(recovery).toMatchObject({ by: 'restart' });
    expect(recovery!.failedAttempts).toBeGreaterThan(2);
    expect(await send()).toBe(PASSED);
    expect(host.health()).toMatchObject({ ready: true, plugins: [{ state: 'running' }] });
    await filter.close();
    expect(host.health().plugins).toEqual([]);
  });

  it('answers as its policy says meanwhile, and stays as it is without fail-reload', async () => {
    const code = join(await directory(), 'auth.wasm');
    const open = await serveFile({ code, failurePolicy: 'fail-open' });
    const closed = await serveFile({ code, failurePolicy: 'fail-closed' });
    await writeFile(code, await module);
    expect([await open.send(), await closed.send()]).toEqual([OPEN, CLOSED]);
    const [plugin] = open.filter.plugins as [Plugin];
    expect(plugin.state).toBe('failed');
    await plugin.reload();
    expect([await open.send(), await closed.send()]).toEqual([PASSED, CLOSED]);
    expect(open.log.texts('error')).toHaveLength(1);
  });

  it('is not tried again where that can not help: bytes that are no module', async () => {
    const { filter, log, send } = await serveFile({ code: new Uint8Array([0, 1, 2, 3]) });
    for (let request = 0; request < 3; request += 1) expect(await send()).toBe(CLOSED);
    await new Promise((resolve) => setTimeout(resolve, 100));
    expect(log.texts('error')).toHaveLength(1);
    const [plugin] = filter.plugins as [Plugin];
    await plugin.reload({ code: await module });
    expect(await send()).toBe(PASSED);
  });
});
