import { afterAll, describe, expect, it } from 'vitest';

import { createHost, type Plugin, type PluginOptions } from '../../src/index.js';
import { runExchange } from '../../src/testing/index.js';
import { filter } from '../support/modules.js';

const example = (name: string): URL =>
  new URL(`../../../../examples/filters/${name}/${name}.wasm`, import.meta.url);

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const host = createHost({ logger: silent });
afterAll(() => host.close());

const open = (options: PluginOptions): Promise<Plugin> => host.createPlugin(options);

describe('runExchange', () => {
  it('gives the app what the filters have made of the request, and the client what came back', async () => {
    const plugin = await open({ code: example('add-headers') });
    const result = await runExchange(
      plugin,
      { method: 'POST', path: '/a?b', headers: { Host: 'shop', 'X-User': 'ann' }, body: 'text' },
      ({ headers, body }) => {
        expect(headers).toContainEqual(['x-wasm-user', 'ann']);
        return {
          status: 201,
          headers: [
            ['set-cookie', 'a'],
            ['set-cookie', 'b'],
          ],
          body,
        };
      },
    );
    expect(result.outcome).toBe('answered');
    expect(result.details).toBe('via_upstream');
    expect(result.request?.headers.slice(0, 4)).toEqual([
      [':authority', 'shop'],
      [':path', '/a?b'],
      [':method', 'POST'],
      [':scheme', 'http'],
    ]);
    expect(result.request?.body.toString()).toBe('text');
    expect(result.response?.headers).toEqual(
      expect.arrayContaining([
        [':status', '201'],
        ['set-cookie', 'a'],
        ['set-cookie', 'b'],
        ['x-wasm', '1'],
      ]),
    );
    expect(result.response?.body.toString()).toBe('text');
  });

  it('runs a chain: requests first to last, responses last to first', async () => {
    const chain = [
      await open({
        code: example('basic-auth'),
        configuration: { prefix: '/', users: { a: 'b' } },
      }),
      await open({ code: example('add-headers') }),
    ];
    const refused = await runExchange(chain);
    expect(refused.request).toBeUndefined();
    expect(refused.response?.headers[0]).toEqual([':status', '401']);
    const authorization = `Basic ${Buffer.from('a:b').toString('base64')}`;
    const passed = await runExchange(chain, { headers: { authorization } });
    expect(passed.request).toBeDefined();
    expect(passed.response?.headers).toContainEqual(['x-wasm', '1']);
  });

  it('corrects a length that a filter has made wrong, and has no body for HEAD', async () => {
    const code = await filter({
      imports:
        '(import "env" "proxy_set_buffer_bytes" (func $set (param i32 i32 i32 i32 i32) (result i32)))',
      body: `(data (i32.const 8) " and more")
        (func (export "proxy_on_response_body") (param i32 i32 i32) (result i32)
          (call $set (i32.const 1) (local.get 1) (i32.const 0) (i32.const 8) (i32.const 9)))`,
    });
    const plugin = await open({ code });
    const app = () => ({ headers: { 'content-length': '4' }, body: 'some' });
    const { response } = await runExchange(plugin, {}, app);
    expect(response?.body.toString()).toBe('some and more');
    expect(response?.headers).toContainEqual(['content-length', '13']);
    const head = await runExchange(plugin, { method: 'HEAD' }, app);
    expect(head.response?.body).toHaveLength(0);
  });

  it('passes trailers on, both ways', async () => {
    const plugin = await open({ code: example('add-headers') });
    const { request, response } = await runExchange(
      plugin,
      { method: 'POST', body: 'a', trailers: { 'x-sum': '1' } },
      () => ({ body: 'b', trailers: [['x-sum', '2']] }),
    );
    expect(request?.trailers).toEqual([['x-sum', '1']]);
    expect(response?.trailers).toEqual([['x-sum', '2']]);
  });

  it('tells of a reset', async () => {
    const code = await filter({
      imports: '(import "env" "proxy_close_stream" (func $close (param i32) (result i32)))',
      body: `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
        (drop (call $close (i32.const 0))) (i32.const 1))`,
    });
    expect(await runExchange(await open({ code }))).toEqual({
      outcome: 'reset',
      request: undefined,
      response: undefined,
      details: 'wasm_close_stream',
    });
  });

  it('answers a pause that nobody ends as a server would', async () => {
    const code = await filter({
      body: '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) (i32.const 1))',
    });
    const plugin = await open({ code, limits: { pausedTimeMs: 5 } });
    const keepAlive = setInterval(() => undefined, 1000);
    const { response, details } = await runExchange(plugin);
    clearInterval(keepAlive);
    expect(details).toBe('stream_idle_timeout');
    expect(response?.headers).toEqual([[':status', '504']]);
  });

  it('rejects with what the app throws or rejects with, after the last callback', async () => {
    const plugin = await open({ code: example('add-headers') });
    const thrown = new Error('no database');
    await expect(
      runExchange(plugin, {}, () => {
        throw thrown;
      }),
    ).rejects.toBe(thrown);
    await expect(runExchange(plugin, {}, () => Promise.reject(thrown))).rejects.toBe(thrown);
    expect(plugin.streams).toBe(0);
  });
});
