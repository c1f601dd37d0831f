import { request } from 'node:http';

import Koa from 'koa';
import { afterEach, describe, expect, it } from 'vitest';
import { createHost, createPlugin } from '@proxy-wasm-node/core';

import { guest } from '../../conformance/src/guests/wat-guest.js';
import * as adapter from '../src/index.js';
import { filterOf, serve, stopAll, until } from './support/koa-server.js';

const { wasmFilter } = adapter;
const mark = await guest({
  callbacks: { proxy_on_response_headers: [{ add: [2, 'x-filter', '1'] }] },
});
const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined };

afterEach(stopAll);

describe('the package', () => {
  it('exports what it says', () => {
    expect(Object.keys(adapter).sort()).toEqual(['filterState', 'wasmFilter']);
  });

  it('refuses what is no plugin', () => {
    expect(() => wasmFilter('auth.wasm' as never)).toThrow(
      expect.objectContaining({ code: 'PW_ERR_OPTIONS_INVALID' }),
    );
  });
});

describe('a filter', () => {
  it('has requests that come too early wait, and is ready', async () => {
    const filter = wasmFilter({ code: mark, logger: quiet });
    const app = new Koa();
    app.use(filter);
    const { client } = await serve(app);
    expect((await client.send({})).headers['x-filter']).toBe('1');
    await filter.ready();
    await filter.close();
  });

  it('gives control back where the client goes before it is ready', async () => {
    let start: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (start = resolve));
    const host = createHost({ logger: quiet });
    const { createPlugin: create } = host;
    host.createPlugin = async (options) => {
      await held;
      return create.call(host, options);
    };
    const filter = wasmFilter({ code: mark }, { host });
    let [entered, gone] = [false, false];
    let back = false;
    let ran = false;
    const app = new Koa();
    app.use(async (ctx, next) => {
      entered = true;
      ctx.res.on('close', () => (gone = true));
      await next();
      back = true;
    });
    app.use(filter);
    app.use(() => void (ran = true));
    const { port } = await serve(app);
    const outgoing = request({ port }).on('error', () => undefined);
    outgoing.end();
    await until(() => entered);
    outgoing.destroy();
    await until(() => gone);
    expect(back).toBe(false);
    start?.();
    await until(() => back);
    expect(ran).toBe(false);
    await filter.close();
    await host.close();
  });

  it('that can’t start says so, and answers as its policy says', async () => {
    const closed = wasmFilter({ code: new Uint8Array(3), logger: quiet });
    const opened = wasmFilter({
      code: new Uint8Array(3),
      logger: quiet,
      failurePolicy: 'fail-open',
    });
    await expect(closed.ready()).rejects.toThrow();
    await expect(opened.ready()).rejects.toThrow();
    const app = new Koa();
    app.use(opened);
    app.use((ctx, next) => (ctx.path === '/open' ? void (ctx.body = 'open') : next()));
    app.use(closed);
    app.use((ctx) => void (ctx.body = 'never'));
    const { client } = await serve(app);
    expect(await client.send({ path: '/open' })).toMatchObject({ status: 200, body: 'open' });
    expect(await client.send({})).toMatchObject({ status: 503 });
  });

  it('closes its own plugins and leaves the caller’s; then it refuses', async () => {
    const plugin = await createPlugin({ code: mark, logger: quiet });
    const filter = wasmFilter([plugin, { code: mark, logger: quiet }]);
    await filter.ready();
    const app = new Koa();
    app.use(filter);
    app.use((ctx) => void (ctx.body = 'ok'));
    const { client } = await serve(app);
    expect((await client.send({})).headers['x-filter']).toBe('1, 1');
    await filter.close();
    expect(plugin.state).toBe('running');
    expect((await client.send({})).status).toBe(503);
    await plugin.close();
  });

  it('is one chain with filters further back, first to last and back', async () => {
    const step = (text: string) =>
      filterOf({
        proxy_on_request_headers: [{ add: [0, 'x-way', text] }],
        proxy_on_response_headers: [{ add: [2, 'x-way', text] }],
      });
    const app = new Koa();
    app.use(await step('a'));
    app.use(async (_ctx, next) => {
      await new Promise((resolve) => setTimeout(resolve, 5));
      await next();
    });
    app.use(await step('b'));
    app.use((ctx) => void (ctx.body = ctx.get('x-way')));
    const { client } = await serve(app);
    const reply = await client.send({});
    expect([reply.body, reply.headers['x-way']]).toEqual(['a, b', 'b, a']);
  });
});
