import { request } from 'node:http';

import Router from '@koa/router';
import type Koa from 'koa';
import { koaBody } from 'koa-body';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import type { Operation } from '../../conformance/src/guests/operations.js';
import {
  filterOf,
  KOAS,
  logs,
  serve,
  stopAll,
  until,
  type Callbacks,
} from './support/koa-server.js';

const REQUEST = 0;
const PAUSE = 1;
const DENY: Operation = { localResponse: { status: 403, body: 'denied' } };

/** The second request's turn acts on the first one, which is paused. */
const inFirst = (...operations: readonly Operation[]): readonly Operation[] => [
  { inContext: [2, [{ log: 'paused' }, { return: PAUSE }]] },
  { inContext: [3, [{ effectiveContext: 2 }, ...operations]] },
];
const refusesHead: Callbacks = { proxy_on_request_headers: [DENY] };
/** Lets the app begin (the body's length is unknown), then refuses. */
const refusesBody: Callbacks = { proxy_on_request_body: [{ atEnd: [DENY] }, { return: 3 }] };

const unhandled: unknown[] = [];
const note = (error: unknown): void => void unhandled.push(error);

beforeEach(() => {
  unhandled.length = 0;
  process.on('unhandledRejection', note);
});
afterEach(async () => {
  await stopAll();
  process.off('unhandledRejection', note);
  expect(unhandled).toEqual([]);
});

/** Before the filter: what it finds when it gets control back. */
function outer(found: unknown[]): Koa.Middleware {
  return async (ctx, next) => {
    try {
      await next();
      found.push([ctx.status, ctx.respond]);
    } catch (error) {
      found.push(error);
    }
  };
}

describe.each(KOAS)('%s', (_name, Koa) => {
  describe('a refusal of the head', () => {
    it('ends the exchange: nothing behind runs, what is before gets control back', async () => {
      const found: unknown[] = [];
      let ran = false;
      const app = new Koa();
      // What is no abort must not be counted as one.
      app.use((ctx, next) => {
        ctx.req.on('aborted', () => found.push('aborted'));
        return next();
      });
      app.use(outer(found));
      app.use(await filterOf(refusesHead));
      app.use(() => {
        ran = true;
      });
      const { client, errors } = await serve(app);
      const replies = [await client.send({}), await client.send({ body: 'x' })];
      expect(replies).toMatchObject([
        { status: 403, body: 'denied' },
        { status: 403, body: 'denied' },
      ]);
      expect(replies[0]?.port).toBe(replies[1]?.port);
      expect(found).toEqual([
        [403, false],
        [403, false],
      ]);
      expect([ran, errors]).toEqual([false, []]);
    });

    it('can’t be changed by what is before, nor answered twice', async () => {
      const app = new Koa();
      app.use(async (ctx, next) => {
        ctx.set('x-before', '1');
        await next();
        ctx.status = 200;
        ctx.body = { late: true };
        ctx.set('x-late', '1');
      });
      app.use(await filterOf(refusesHead));
      const { client, errors } = await serve(app);
      const reply = await client.send({});
      expect(reply).toMatchObject({ status: 403, body: 'denied' });
      expect(reply.headers).toMatchObject({ 'x-before': '1' });
      expect(reply.headers).not.toHaveProperty('x-late');
      expect(errors).toEqual([]);
    });

    it('answers in a route and in a router', async () => {
      const router = new Router();
      router.get('/open', (ctx) => void (ctx.body = 'open'));
      router.get('/closed', (await filterOf(refusesHead)) as Koa.Middleware, (ctx) => {
        ctx.body = 'never';
      });
      const app = new Koa();
      app.use(router.routes() as Koa.Middleware);
      const { client } = await serve(app);
      expect(await client.send({ path: '/open' })).toMatchObject({ status: 200, body: 'open' });
      expect(await client.send({ path: '/closed' })).toMatchObject({ status: 403, body: 'denied' });
    });

    it('that comes while the request is paused resolves too', async () => {
      const found: unknown[] = [];
      const app = new Koa();
      app.use(outer(found));
      app.use(await filterOf({ proxy_on_request_headers: inFirst(DENY) }));
      app.use((ctx) => void (ctx.body = 'ok'));
      const { client, port } = await serve(app);
      const first = fetch(`http://127.0.0.1:${String(port)}/`);
      await until(() => logs.includes('paused'));
      expect(found).toEqual([]);
      expect((await client.send({})).body).toBe('ok');
      expect((await first).status).toBe(403);
      expect(found).toContainEqual([403, false]);
    });
  });

  describe('a refusal of the body', () => {
    it('does not wait for koa-body, which waits for the rest', async () => {
      const found: unknown[] = [];
      const behind: unknown[] = [];
      const app = new Koa();
      app.use(outer(found));
      app.use(await filterOf({ proxy_on_request_body: [DENY] }));
      app.use(outer(behind));
      app.use(koaBody());
      const { port, errors } = await serve(app);
      // Its end never comes.
      const headers = { 'content-type': 'application/json', 'transfer-encoding': 'chunked' };
      const outgoing = request({ port, method: 'POST', headers });
      outgoing.on('error', () => undefined);
      outgoing.write('{"a":');
      const status = await new Promise((resolve) => {
        outgoing.on('response', (response) => {
          resolve(response.statusCode);
          response.resume();
        });
      });
      expect(status).toBe(403);
      await until(() => found.length > 0 && behind.length > 0);
      expect(found).toEqual([[403, false]]);
      expect(behind[0]).toBeInstanceOf(Error);
      outgoing.destroy();
      expect(errors).toEqual([]);
    });

    it('ends the wait of an app that never would', async () => {
      const found: unknown[] = [];
      const app = new Koa();
      app.use(outer(found));
      app.use(await filterOf(refusesBody));
      app.use(() => new Promise(() => undefined));
      const { client } = await serve(app);
      const reply = await client.send({ body: ['one', 'two'] });
      expect(reply).toMatchObject({ status: 403, body: 'denied' });
      expect(found).toEqual([[403, false]]);
      expect(await client.send({ body: ['x'] })).toMatchObject({ status: 403, port: reply.port });
    });

    it('leaves what the app still does without effect, and its error to Koa', async () => {
      const found: unknown[] = [];
      const app = new Koa();
      app.use(outer(found));
      app.use(await filterOf(refusesBody));
      app.use(async (ctx) => {
        await until(() => found.length > 0);
        ctx.status = 201;
        ctx.set('x-late', '1');
        ctx.body = 'late';
        throw new Error('late');
      });
      const { client, errors } = await serve(app);
      const reply = await client.send({ body: ['one', 'two'] });
      expect(reply).toMatchObject({ status: 403, body: 'denied' });
      expect(reply.headers).not.toHaveProperty('x-late');
      await until(() => errors.length > 0);
      expect(errors.map(({ message }) => message)).toEqual(['late']);
      expect(found).toEqual([[403, false]]);
      expect(logs).toEqual([]);
    });

    it('by an inner filter ends the wait of the outer one, and the other way round', async () => {
      for (const refusing of [0, 1]) {
        const found: unknown[] = [];
        const between: unknown[] = [];
        const sees: Callbacks = { proxy_on_request_body: [] };
        const app = new Koa();
        app.use(outer(found));
        app.use(await filterOf(refusing === 0 ? refusesBody : sees));
        app.use(outer(between));
        app.use(await filterOf(refusing === 1 ? refusesBody : sees));
        app.use(() => new Promise(() => undefined));
        const { client } = await serve(app);
        expect((await client.send({ body: ['one', 'two'] })).status).toBe(403);
        expect(found).toEqual([[403, false]]);
        expect(between).toEqual([[403, false]]);
      }
    });
  });

  describe('a refusal of the response', () => {
    it('takes the place of the app’s, which has gone on', async () => {
      const found: unknown[] = [];
      const app = new Koa();
      app.use(outer(found));
      app.use(
        await filterOf({
          proxy_on_response_headers: [{ localResponse: { status: 502, body: 'bad' } }],
        }),
      );
      app.use((ctx) => void (ctx.body = 'fine'));
      const { client } = await serve(app);
      expect(await client.send({})).toMatchObject({ status: 502, body: 'bad' });
      expect(found).toEqual([[200, undefined]]);
    });

    it('ends the wait of an app that answers by itself and goes on', async () => {
      const found: unknown[] = [];
      const app = new Koa();
      app.use(outer(found));
      app.use(
        await filterOf({
          proxy_on_response_headers: [{ localResponse: { status: 502, body: 'bad' } }],
        }),
      );
      app.use(async (ctx) => {
        ctx.respond = false;
        ctx.res.write('piece');
        await new Promise(() => undefined);
      });
      const { client } = await serve(app);
      expect(await client.send({})).toMatchObject({ status: 502, body: 'bad' });
      expect(found).toEqual([[502, false]]);
    });
  });

  describe('a pause', () => {
    it('holds what comes after; then the promise follows it', async () => {
      const order: string[] = [];
      const app = new Koa();
      app.use(async (ctx, next) => {
        await next();
        order.push(`back ${String(ctx.body)}`);
      });
      app.use(await filterOf({ proxy_on_request_headers: inFirst({ continueStream: REQUEST }) }));
      app.use(async (ctx) => {
        order.push(`app ${ctx.path}`);
        await Promise.resolve();
        ctx.body = ctx.path;
      });
      const { client, port } = await serve(app);
      const first = fetch(`http://127.0.0.1:${String(port)}/first`);
      await until(() => logs.includes('paused'));
      expect(order).toEqual([]);
      await client.send({ path: '/second' });
      expect(await (await first).text()).toBe('/first');
      expect(order.filter((line) => line.includes('first'))).toEqual(['app /first', 'back /first']);
    });

    it('that ends with the client gives control back, and the app never gets it', async () => {
      const found: unknown[] = [];
      let ran = 0;
      const app = new Koa();
      app.use(outer(found));
      app.use(await filterOf({ proxy_on_request_headers: [{ log: 'paused' }, { return: PAUSE }] }));
      app.use(() => void (ran += 1));
      const { port, errors } = await serve(app);
      const outgoing = request({ port }).on('error', () => undefined);
      outgoing.end();
      await until(() => logs.includes('paused'));
      expect(found).toEqual([]);
      outgoing.destroy();
      await until(() => found.length > 0);
      expect([ran, errors]).toEqual([0, []]);
    });
  });

  it('a client that goes does not cut off an app that works', async () => {
    const found: unknown[] = [];
    let finish: (() => void) | undefined;
    const app = new Koa();
    app.use(outer(found));
    app.use(await filterOf({ proxy_on_response_headers: [] }));
    app.use(() => new Promise<void>((resolve) => (finish = resolve)));
    const { port } = await serve(app);
    const outgoing = request({ port }).on('error', () => undefined);
    outgoing.end();
    await until(() => finish !== undefined);
    outgoing.destroy();
    await new Promise((resolve) => setTimeout(resolve, 30));
    expect(found).toEqual([]);
    finish?.();
    await until(() => found.length > 0);
    expect(found).toEqual([[404, undefined]]);
  });
});
