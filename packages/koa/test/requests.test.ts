import Router from '@koa/router';
import { koaBody } from 'koa-body';
import mount from 'koa-mount';
import { afterEach, describe, expect, it } from 'vitest';

import { filterState } from '../src/index.js';
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
const BODY = 0;
const ALL = 0x7fffffff;
const PAUSE = 1;

const toPath = (path: string): Callbacks => ({
  proxy_on_request_headers: [{ replace: [REQUEST, ':path', path] }],
});
const appends = (text: string): Callbacks => ({
  proxy_on_request_body: [{ atEnd: [{ setBuffer: [BODY, ALL, 0, text] }] }],
});

afterEach(stopAll);

describe.each(KOAS)('%s', (name, Koa) => {
  describe('a changed path', () => {
    it('is what comes after sees and is routed by; originalUrl stays the client’s', async () => {
      const router = new Router();
      router.get('/old', (ctx) => void (ctx.body = 'old'));
      router.get('/new/:id', (ctx) => {
        const { url, path, search, querystring, query, originalUrl } = ctx;
        ctx.body = {
          url,
          path,
          search,
          querystring,
          query,
          originalUrl,
          id: String(ctx.params['id']),
        };
      });
      const app = new Koa();
      const before: unknown[] = [];
      app.use((ctx, next) => {
        // Koa keeps what it has parsed.
        before.push([ctx.path, ctx.query['a'], ctx.URL.pathname]);
        return next();
      });
      app.use(await filterOf(toPath('/new/7?b=2')));
      app.use(router.routes() as InstanceType<typeof Koa>['middleware'][number]);
      const { client } = await serve(app);
      const reply = await client.send({ path: '/old?a=1' });
      expect(JSON.parse(reply.body)).toEqual({
        url: '/new/7?b=2',
        path: '/new/7',
        search: '?b=2',
        querystring: 'b=2',
        query: { b: '2' },
        originalUrl: '/old?a=1',
        id: '7',
      });
      expect(before).toEqual([['/old', '1', '/old']]);
    });

    it('stays inside a mount, whose whole path the filter sees', async () => {
      const inside = new Koa();
      inside.use(
        await filterOf({
          proxy_on_request_headers: [
            { logHeader: [REQUEST, ':path'] },
            { replace: [REQUEST, ':path', '/api/new?x=1'] },
          ],
        }),
      );
      inside.use((ctx) => void (ctx.body = [ctx.url, ctx.originalUrl]));
      const app = new Koa();
      const after: string[] = [];
      app.use(async (ctx, next) => {
        await next();
        after.push(ctx.path);
      });
      app.use(mount('/api', inside));
      const { client } = await serve(app);
      const reply = await client.send({ path: '/api/old' });
      expect(JSON.parse(reply.body)).toEqual(['/new?x=1', '/api/old']);
      expect(logs).toEqual(['/api/old']);
      expect(after).toEqual(['/api/old']);
    });
  });

  it('a path that a filter has cut is whole to a filter further back', async () => {
    const app = new Koa();
    app.use(await filterOf(toPath('/b')));
    app.use(await filterOf({ proxy_on_request_headers: [{ logHeader: [REQUEST, ':path'] }] }));
    app.use((ctx) => void (ctx.body = ctx.url));
    const { client } = await serve(app);
    expect((await client.send({ path: '/a/b' })).body).toBe('/b');
    expect(logs).toEqual(['/b']);
  });

  describe('a changed head', () => {
    it('is what Koa’s own accessors say, whatever was asked before', async () => {
      const app = new Koa({ proxy: true });
      app.use((ctx, next) => {
        void [ctx.headers['x-a'], ctx.accepts('html'), ctx.host, ctx.cookies.get('a')];
        return next();
      });
      app.use(
        await filterOf({
          proxy_on_request_headers: [
            { replace: [REQUEST, ':method', 'PUT'] },
            { replace: [REQUEST, ':authority', 'other.test:81'] },
            { replace: [REQUEST, 'accept', 'application/json'] },
            { replace: [REQUEST, 'cookie', 'a=2'] },
            { replace: [REQUEST, 'content-type', 'text/x-new'] },
            { replace: [REQUEST, 'x-forwarded-for', '10.0.0.1'] },
            { add: [REQUEST, 'x-b', '1'] },
            { add: [REQUEST, 'x-b', '2'] },
            { remove: [REQUEST, 'x-a'] },
          ],
        }),
      );
      app.use((ctx) => {
        const { method, host, hostname, ip } = ctx;
        ctx.body = {
          ...{ method, host, hostname, ip, type: ctx.request.type, a: ctx.get('x-a') },
          ...{ b: ctx.get('x-b'), same: ctx.headers === ctx.req.headers },
          ...{ accepts: ctx.accepts('html', 'json'), cookie: ctx.cookies.get('a') },
        };
      });
      const { client } = await serve(app);
      const headers = { 'x-a': '1', accept: 'text/html', cookie: 'a=1' };
      const reply = await client.send({ headers });
      expect(JSON.parse(reply.body)).toEqual({
        ...{ method: 'PUT', host: 'other.test:81', hostname: 'other.test', ip: '10.0.0.1' },
        ...{ type: 'text/x-new', a: '', b: '1, 2', same: true, accepts: 'json', cookie: '2' },
      });
    });

    it('and what filters leave for the app', async () => {
      const app = new Koa();
      app.use(await filterOf({ proxy_on_request_headers: [{ setProperty: ['user', 'alice'] }] }));
      app.use((ctx) => {
        ctx.body = Buffer.from(filterState(ctx.req).get('user') ?? []);
      });
      const { client } = await serve(app);
      expect((await client.send({})).body).toBe('alice');
    });
  });

  describe('a body that a filter changed', () => {
    const parsed = async (callbacks: Callbacks) => {
      const app = new Koa();
      app.use(await filterOf(callbacks));
      app.use(koaBody({ multipart: true }));
      app.use((ctx) => {
        const body: unknown = ctx.request.body;
        const files = Object.entries(ctx.request.files ?? {}).map(([field, file]) => [
          field,
          (file as { size: number }).size,
        ]);
        ctx.body = { body, files, length: ctx.request.length };
      });
      return serve(app);
    };
    const json = { 'content-type': 'application/json' };

    it.each([
      ['of known length', '{"a":1'],
      ['of known length, in pieces', { pieces: ['{"a"', ':1'] }],
      ['in chunks', ['{"a"', ':1']],
      ['that is long', `{"b":"${'x'.repeat(100_000)}","a":1`],
    ])('%s is what koa-body parses', async (_kind, sent) => {
      const { client } = await parsed(appends(',"c":2}'));
      const spec = typeof sent === 'object' && 'pieces' in sent ? sent : { body: sent };
      const reply = await client.send({ method: 'POST', headers: json, ...spec });
      expect(reply.status).toBe(200);
      expect(JSON.parse(reply.body)).toMatchObject({ body: { a: 1, c: 2 } });
    });

    it('and held from its first byte to its last is too, with its length', async () => {
      const { client } = await parsed({
        proxy_on_request_headers: [{ beforeEnd: [{ return: 0 }] }],
        proxy_on_request_body: [
          { beforeEnd: [{ return: PAUSE }] },
          { setBuffer: [BODY, 0, ALL, '{"new":true}'] },
        ],
      });
      const reply = await client.send({ headers: json, body: '{"a":1}' });
      expect(JSON.parse(reply.body)).toEqual({ body: { new: true }, files: [], length: 12 });
      const chunked = await client.send({ headers: json, body: ['{"a"', ':1}'] });
      expect(JSON.parse(chunked.body)).toMatchObject({ body: { new: true } });
    });

    it('parses as a form and as text', async () => {
      const { client } = await parsed(appends('&c=2'));
      const form = { 'content-type': 'application/x-www-form-urlencoded' };
      const text = { 'content-type': 'text/plain' };
      expect(JSON.parse((await client.send({ headers: form, body: 'a=1' })).body)).toMatchObject({
        body: { a: '1', c: '2' },
      });
      expect(JSON.parse((await client.send({ headers: text, body: 'a=1' })).body)).toMatchObject({
        body: 'a=1&c=2',
      });
    });

    it('parses as multipart, with a file', async () => {
      const { port } = await parsed(appends('\r\n'));
      const form = new FormData();
      form.append('field', 'value');
      form.append('file', new Blob(['x'.repeat(200_000)]), 'a.txt');
      const url = `http://127.0.0.1:${String(port)}/`;
      const reply = await fetch(url, { method: 'POST', body: form });
      expect(await reply.json()).toMatchObject({
        body: { field: 'value' },
        files: [['file', 200_000]],
      });
    });

    it('and made longer than koa-body takes is refused by koa-body', async () => {
      const app = new Koa();
      app.use(await filterOf(appends('x'.repeat(100))));
      app.use(koaBody({ textLimit: 50 }));
      const { client } = await serve(app);
      const headers = { 'content-type': 'text/plain' };
      expect((await client.send({ headers, body: 'short' })).status).toBe(413);
    });

    it('is refused behind koa-body, which has read it', async () => {
      const app = new Koa();
      app.use(koaBody());
      app.use(await filterOf(appends('x')));
      app.use((ctx) => void (ctx.body = 'never'));
      const { client } = await serve(app);
      expect((await client.send({ headers: json, body: '{}' })).status).toBe(503);
      expect(logs.join()).toMatch(/read before the filter/);
      expect(await client.send({})).toMatchObject({ status: 200, body: 'never' });
    });
  });

  describe('async context', () => {
    it.runIf(name === 'koa 3')('is the request’s own behind a filter that waits', async () => {
      const app = new Koa({ asyncLocalStorage: true });
      app.use(
        await filterOf({
          proxy_on_request_headers: [
            { inContext: [2, [{ log: 'paused' }, { return: PAUSE }]] },
            { inContext: [3, [{ effectiveContext: 2 }, { continueStream: REQUEST }]] },
          ],
          proxy_on_request_body: [],
        }),
      );
      app.use((ctx) => {
        ctx.body = String(app.currentContext?.path);
      });
      const { client, port } = await serve(app);
      const first = fetch(`http://127.0.0.1:${String(port)}/first`);
      await until(() => logs.includes('paused'));
      expect((await client.send({ path: '/second' })).body).toBe('/second');
      expect(await (await first).text()).toBe('/first');
      const pieces = ['a', 'b'];
      expect((await client.send({ path: '/third', method: 'POST', pieces })).body).toBe('/third');
    });
  });
});
