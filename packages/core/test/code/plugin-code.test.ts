/** Plugins, services and filters whose code is fetched. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:http';
import { fileURLToPath } from 'node:url';

import { beforeAll, describe, expect, it } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, inspectModule, type PluginOptions } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import type { Plugin } from '../../src/plugin.js';
import { afterTest, cacheFolder, codeServer, QUICK, refusalOf } from '../support/code-server.js';
import { eventually, listen } from '../support/filter-server.js';
import { recordLog } from '../support/record-log.js';

const hex = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');
const adding = (value: string) =>
  guest({
    callbacks: {
      proxy_on_configure: [{ log: `configured ${value}` }],
      proxy_on_response_headers: [{ add: [2, 'x-filtered', value] }],
    },
  });

let one: Uint8Array;
let two: Uint8Array;
beforeAll(async () => {
  [one, two] = [await adding('one'), await adding('two')];
});

/** A server of code that can be switched off, and on again with what it has then. */
async function switchable() {
  const state = { bytes: one, isWell: true };
  const server = await codeServer((_req, res) => {
    res.statusCode = state.isWell ? 200 : 404;
    res.end(state.bytes);
  });
  return { state, server, url: `${server.origin}/dir/auth.wasm` };
}

function makeHost(options: Parameters<typeof createHost>[0] = {}) {
  const log = recordLog();
  const host = createHost({ logger: log.logger, codeSource: QUICK, ...options });
  afterTest(() => host.close());
  const figure = (end: string) =>
    host.metrics.read().find(({ name }) => name === `wasm.remote_load_${end}`)?.value;
  return { host, log, figure };
}

/** A filter in front of an app, whose code may come or not. */
async function serve(options: PluginOptions) {
  const { host, log } = makeHost();
  const filter = wasmFilter(
    { reloadBackoff: { baseIntervalMs: 10, maxIntervalMs: 20 }, ...options },
    { host },
  );
  const { port, close } = await listen(
    createServer((req, res) => {
      filter(req, res, () => res.end('answered'));
    }),
  );
  afterTest(close);
  const send = async (): Promise<string> => {
    const answer = await fetch(`http://127.0.0.1:${String(port)}/`);
    await answer.arrayBuffer();
    return answer.status === 200 ? String(answer.headers.get('x-filtered')) : String(answer.status);
  };
  return { filter, send, host, log };
}

describe('a plugin', () => {
  it('gets its code as it says, else as its host says, and what is kept is counted', async () => {
    const { state, server, url } = await switchable();
    const { host, figure } = makeHost({
      codeSource: { ...QUICK, cacheDir: await cacheFolder(), headers: { 'x-from': 'host' } },
    });
    const options = { code: url, sha256: hex(one) };
    const plugin = await host.createPlugin(options);
    expect(plugin).toMatchObject({ name: 'auth', state: 'running' });
    await host.createPlugin(options);
    const headers = { 'x-from': 'plugin' };
    await host.createPlugin({ code: url, allowUnpinned: true, codeSource: { headers } });
    expect(server.requests.map((request) => request.headers['x-from'])).toEqual(['host', 'plugin']);
    state.isWell = false;
    await refusalOf(host.createPlugin({ code: url, allowUnpinned: true }));
    expect(
      [
        'cache_hits',
        'cache_misses',
        'cache_negative_hits',
        'fetch_successes',
        'fetch_failures',
      ].map(figure),
    ).toEqual([1, 3, 0, 2, 1]);
  });

  it('that can not have its code is told why, with its name', async () => {
    const { state, url } = await switchable();
    const { host } = makeHost();
    state.isWell = false;
    await expect(host.createPlugin({ code: url, sha256: hex(one) })).rejects.toMatchObject({
      code: 'PW_ERR_CODE_NOT_FOUND',
      pluginName: 'auth',
      message: expect.stringContaining(`plugin "auth": ${url} could not be fetched`),
    });
    await expect(host.createPlugin({ code: url })).rejects.toMatchObject({
      code: 'PW_ERR_OPTIONS_INVALID',
    });
  });

  it('that takes whatever comes gets what is there at each reload', async () => {
    const { state, url } = await switchable();
    const { host } = makeHost();
    const plugin = await host.createPlugin({ code: url, allowUnpinned: true });
    state.bytes = two;
    const reloaded = once(plugin, 'reloaded');
    await plugin.reload();
    expect(await reloaded).toEqual([{ reason: 'reload', sha256: hex(two) }]);
    state.isWell = false;
    const { code } = await refusalOf(plugin.reload());
    expect(code).toBe('PW_ERR_CODE_NOT_FOUND');
    expect(plugin.state).toBe('running');
    // Somebody who reloads may know better than what is remembered of the source.
    state.isWell = true;
    await plugin.reload();
  });

  it('that is pinned is reloaded to what is named with its own digest, and to nothing else', async () => {
    const { state, url } = await switchable();
    const { host } = makeHost({ codeSource: { ...QUICK, negativeCacheMs: 60_000 } });
    const plugin = await host.createPlugin({ code: url, sha256: hex(one) });
    state.bytes = two;
    expect((await refusalOf(plugin.reload())).code).toBe('PW_ERR_CODE_DIGEST');
    expect((await refusalOf(plugin.reload({ code: url }))).code).toBe('PW_ERR_OPTIONS_INVALID');
    const reloaded = once(plugin, 'reloaded');
    await plugin.reload({ sha256: hex(two) });
    expect(await reloaded).toMatchObject([{ sha256: hex(two) }]);
    state.bytes = one;
    await plugin.reload({ code: url, sha256: hex(one) });
    // The pin holds from then on.
    state.bytes = two;
    expect((await refusalOf(plugin.reload())).code).toBe('PW_ERR_CODE_DIGEST');
  });

  it('that waits too long is told so, and finds the code when it has come', async () => {
    let finish: () => void = () => undefined;
    const server = await codeServer((_req, res) => (finish = () => res.end(one)));
    const { host } = makeHost({ codeSource: { ...QUICK, cacheDir: await cacheFolder() } });
    const options = { code: `${server.origin}/auth.wasm`, sha256: hex(one) };
    const { code, message } = await refusalOf(
      host.createPlugin({ ...options, limits: { startTimeMs: 30 } }),
    );
    expect(code).toBe('PW_ERR_START_TIMEOUT');
    expect(message).toContain('in loading the code');
    await eventually(() => server.requests.length === 1, 'it is asked');
    const plugin = host.createPlugin(options);
    finish();
    expect((await plugin).state).toBe('running');
    expect(server.requests).toHaveLength(1);
  });
});

describe('a filter whose code can not be had at its start', () => {
  it('refuses requests, and heals by itself when it can, under fail-reload', async () => {
    const { state, url, server } = await switchable();
    state.isWell = false;
    const { filter, send, host, log } = await serve({ code: url, sha256: hex(one) });
    expect((await refusalOf(filter.ready())).code).toBe('PW_ERR_CODE_NOT_FOUND');
    const [plugin] = filter.plugins as [Plugin];
    expect(await send()).toBe('503');
    expect(host.health()).toMatchObject({
      ready: false,
      plugins: [{ name: 'auth', state: 'failed', failure: { code: 'PW_ERR_CODE_NOT_FOUND' } }],
    });
    await eventually(() => server.requests.length > 2, 'it is tried again');
    expect(log.texts('error').at(-1)).toContain('plugin "auth" could not be started again: ');
    state.bytes = two;
    state.isWell = true;
    await eventually(() => log.texts('error').at(-1)!.includes('has sha256'), 'wrong bytes came');
    const recovered = once(plugin, 'recovered');
    state.bytes = one;
    expect(await recovered).toMatchObject([{ by: 'restart' }]);
    expect(await send()).toBe('one');
  });

  it('lets requests pass without it under fail-open, until it is reloaded', async () => {
    const { state, url } = await switchable();
    state.isWell = false;
    const { filter, send } = await serve({
      ...{ code: url, sha256: hex(one), failurePolicy: 'fail-open' },
      codeSource: { negativeCacheMs: 60_000 },
    });
    await refusalOf(filter.ready());
    expect(await send()).toBe('null');
    state.isWell = true;
    expect(await send()).toBe('null');
    await filter.plugins[0]!.reload();
    expect(await send()).toBe('one');
  });

  it('is not tried again with options that are refused', async () => {
    const { filter, send } = await serve({ code: 'https://host.test/auth.wasm' });
    expect((await refusalOf(filter.ready())).code).toBe('PW_ERR_OPTIONS_INVALID');
    expect(await send()).toBe('503');
  });
});

it('a service gets its code in the same way', async () => {
  const { url } = await switchable();
  const { host, log, figure } = makeHost();
  const service = await host.createService({ code: url, sha256: hex(one) });
  expect(service).toMatchObject({ name: 'auth', state: 'running' });
  expect(log.texts('info')).toContain('configured one');
  expect(figure('fetch_successes')).toBe(1);
});

it('a module can be looked into without its digest, which the report tells', async () => {
  const { url, state } = await switchable();
  const report = await inspectModule(url, { codeSource: QUICK });
  expect(report).toMatchObject({ sha256: hex(one), loadable: true });
  const pinned = inspectModule(url, { sha256: hex(two), codeSource: QUICK });
  expect((await refusalOf(pinned)).code).toBe('PW_ERR_CODE_DIGEST');
  state.isWell = false;
  const missing = inspectModule(new URL(url), { codeSource: QUICK });
  expect((await refusalOf(missing)).code).toBe('PW_ERR_CODE_NOT_FOUND');
  expect((await refusalOf(inspectModule('oci://Nowhere'))).code).toBe('PW_ERR_OPTIONS_INVALID');
  const wrong = inspectModule(url, { cacheDir: false } as never);
  expect((await refusalOf(wrong)).message).toContain('cacheDir is not an option');
});

it('what fetching takes is not loaded by an app that fetches nothing', () => {
  const sources = fileURLToPath(
    new URL('../../../../scripts/sources/register.mjs', import.meta.url),
  );
  const core = new URL('../../src/index.ts', import.meta.url).href;
  const program = `
    import { Module, createRequire } from 'node:module';
    const core = await import(${JSON.stringify(core)});
    const loaded = () => Object.keys(createRequire(import.meta.url).cache).some((path) => path.includes('undici'));
    console.log(loaded());
    await core.inspectModule('http://127.0.0.1:1/', { codeSource: { retries: 0 } }).catch(() => {});
    console.log(loaded());`;
  const argv = ['--import', sources, '--input-type=module', '--eval', program];
  expect(execFileSync(process.execPath, argv, { encoding: 'utf8' })).toBe('false\ntrue\n');
});
