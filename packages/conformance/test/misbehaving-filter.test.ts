/** A Rust filter that misbehaves on request, in an Express app: only its own request pays for it. */
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it, vi } from 'vitest';
import { createHost, type Plugin, type PluginOptions } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/express';

import { express5 } from '../src/targets/express.js';

const module = fileURLToPath(new URL('../filters/misbehave/misbehave.wasm', import.meta.url));
/** For what may take its time on a slow machine; loops are given less. */
const PATIENT_MS = 10_000;
const IMPATIENT_MS = 500;
const WAIT = { timeout: 10_000, interval: 10 };

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** `/…` behind the filter, and `/neighbour` behind another plugin of the same module. */
async function start(options: Partial<PluginOptions> = {}) {
  const lines: string[] = [];
  const log = (_: object, line: string): void => void lines.push(line);
  const host = createHost({ logger: { level: 'info', info: log, warn: log, error: log } });
  closing.push(() => host.close());
  const open = (name: string): Promise<Plugin> =>
    host.createPlugin({ code: module, name, reloadBackoff: { baseIntervalMs: 1 }, ...options });
  const [plugin, neighbour] = [await open('misbehave'), await open('neighbour')];
  const [filter, neighbours] = [wasmFilter(plugin), wasmFilter(neighbour)];
  const running = await express5.start(
    [
      (req, res, next) => {
        const chosen = req.url?.startsWith('/neighbour') === true ? neighbours : filter;
        (chosen as (...values: unknown[]) => void)(req, res, next);
      },
    ],
    (req, res) => {
      req.on('data', () => undefined);
      req.on('end', () => setTimeout(() => res.end('app'), req.url?.endsWith('/late') ? 50 : 0));
    },
  );
  closing.push(() => running.close());
  const send = async (path: string, wish = ''): Promise<string> => {
    const headers = wish === '' ? {} : { 'x-misbehave': wish };
    const url = `http://127.0.0.1:${String(running.port)}${path}`;
    try {
      const response = await fetch(url, { method: 'POST', body: 'body', headers });
      const text = await response.text();
      return `${String(response.status)} ${text}${response.headers.has('x-behaved') ? ' behaved' : ''}`;
    } catch {
      return 'cut';
    }
  };
  return { host, plugin, neighbour, lines, send };
}

const REFUSED = /^503 $/;
const SERVED = '200 app behaved';
const PLACES: [string, RegExp][] = [
  ['request-headers', REFUSED],
  ['request-body', REFUSED],
  ['response-headers', REFUSED],
  ['response-body', /^503 $|^cut$/],
  ['log', /^200 app behaved$/],
  ['done', /^200 app behaved$/],
];

describe.each(PLACES)('in its %s', (place, expected) => {
  it.each([
    ['loop', 'PW_ERR_CALLBACK_TIME', IMPATIENT_MS],
    ['panic', 'PW_ERR_CALLBACK_TRAPPED', PATIENT_MS],
    ['recursion', 'PW_ERR_CALLBACK_TRAPPED', PATIENT_MS],
    ['memory', 'PW_ERR_CALLBACK_TRAPPED', PATIENT_MS],
  ])('%s costs its own request, and the plugin heals', async (what, error, callbackTimeMs) => {
    const limits = { callbackTimeMs, memoryBytes: 16 << 20 };
    const { plugin, neighbour, send, host } = await start({ limits });
    expect(await send('/')).toBe(SERVED);
    const failed = once(plugin, 'failed');
    const late = send('/neighbour/late');
    expect(await send('/', `${place}:${what}`)).toMatch(expected);
    expect((await failed)[0]).toMatchObject({ code: error, pluginName: 'misbehave' });
    // Those of others, also the ones that were open, have noticed nothing.
    expect(await late).toBe(SERVED);
    expect(neighbour.state).toBe('running');
    await vi.waitFor(() => {
      expect(plugin.state).toBe('running');
    }, WAIT);
    expect(await send('/')).toBe(SERVED);
    expect(host.health().ready).toBe(true);
    await expect.poll(() => plugin.streams).toBe(0);
  });
});

describe('its allocator', () => {
  it.each([
    ['loop', 'PW_ERR_CALLBACK_TIME', IMPATIENT_MS],
    ['asks', 'PW_ERR_HOSTCALL_RESTRICTED', PATIENT_MS],
  ])(
    'that misbehaves (%s) costs its own request, and the plugin heals',
    async (what, code, callbackTimeMs) => {
      const { plugin, send } = await start({ limits: { callbackTimeMs } });
      const failed = once(plugin, 'failed');
      expect(await send('/', `allocator-${what}`)).toMatch(REFUSED);
      expect((await failed)[0]).toMatchObject({ code });
      await vi.waitFor(() => {
        expect(plugin.state).toBe('running');
      }, WAIT);
      expect(await send('/')).toBe(SERVED);
    },
  );
});

describe('without a request', () => {
  const limits = { callbackTimeMs: PATIENT_MS, memoryBytes: 16 << 20 };
  const ENDS: [string, string, number][] = [
    ['loop', 'PW_ERR_CALLBACK_TIME', IMPATIENT_MS],
    ['panic', 'PW_ERR_CALLBACK_TRAPPED', PATIENT_MS],
    ['recursion', 'PW_ERR_CALLBACK_TRAPPED', PATIENT_MS],
    ['memory', 'PW_ERR_CALLBACK_TRAPPED', PATIENT_MS],
  ];

  it.each(ENDS)(
    '%s while it starts is told, and nothing is left',
    async (what, code, callbackTimeMs) => {
      const host = createHost({ logger: { level: 'silent', info: () => undefined } });
      closing.push(() => host.close());
      const options = { code: module, name: 'p', limits: { ...limits, callbackTimeMs } };
      for (const wish of [
        { vm: { configuration: `vm-start:${what}` } },
        { configuration: `configure:${what}` },
      ]) {
        await expect(host.createPlugin({ ...options, ...wish })).rejects.toMatchObject({
          code,
          callback: wish.vm === undefined ? 'proxy_on_configure' : 'proxy_on_vm_start',
        });
      }
      expect(host.health().plugins).toEqual([]);
    },
  );

  it.each(ENDS)(
    '%s in its tick ends its VM, and requests are refused',
    async (what, code, callbackTimeMs) => {
      const { plugin, send } = await start({
        configuration: `tick:${what}`,
        failurePolicy: 'fail-closed',
        limits: { ...limits, callbackTimeMs },
      });
      await vi.waitFor(() => {
        expect(plugin.failure).toMatchObject({ code, callback: 'proxy_on_tick' });
      }, WAIT);
      expect(await send('/')).toMatch(REFUSED);
    },
  );
});

describe('a flood', () => {
  const limits = { callbackTimeMs: PATIENT_MS, logLinesPerSecond: 100 };

  it.each([
    ['response-headers:header-flood', REFUSED],
    ['response-body:body-flood', /^503 $|^cut$/],
  ])('%s is refused, on which the SDK panics', async (wish, expected) => {
    const { plugin, send } = await start({ limits });
    const failed = once(plugin, 'failed');
    expect(await send('/', wish)).toMatch(expected);
    expect((await failed)[0]).toMatchObject({ code: 'PW_ERR_CALLBACK_TRAPPED' });
    await vi.waitFor(() => {
      expect(plugin.state).toBe('running');
    }, WAIT);
    expect(await send('/')).toBe(SERVED);
  });

  it('of log lines is cut, and counted; the request is served', async () => {
    const { plugin, send, lines, host } = await start({ limits });
    expect(await send('/', 'log-flood')).toBe(SERVED);
    expect(plugin.state).toBe('running');
    const logged = lines.filter((line) => line.includes(': flood ')).length;
    const dropped = host.metrics
      .read()
      .filter(({ name }) => name === 'wasm.log_lines_dropped')
      .reduce((sum, { value }) => sum + value, 0);
    expect(logged).toBeGreaterThanOrEqual(100);
    // A slow machine may take some seconds for it.
    expect(logged).toBeLessThan(5000);
    expect(logged + dropped).toBe(100_000);
  });
});
