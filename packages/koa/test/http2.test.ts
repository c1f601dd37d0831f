import { once } from 'node:events';
import {
  connect,
  createServer,
  type ClientHttp2Session,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
} from 'node:http2';
import type { AddressInfo } from 'node:net';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';

import type Koa from 'koa';
import { koaBody } from 'koa-body';
import { afterEach, describe, expect, it } from 'vitest';

import { filterOf, KOAS, stopAll, until, type Callbacks } from './support/koa-server.js';

const REQUEST = 0;
const RESPONSE = 2;
const REQUEST_BODY = 0;
const RESPONSE_BODY = 1;
const ALL = 0x7fffffff;

const appends: Callbacks = {
  proxy_on_request_headers: [{ add: [REQUEST, 'x-seen', '1'] }],
  proxy_on_request_body: [{ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, ',"c":2}'] }] }],
  proxy_on_response_headers: [{ add: [RESPONSE, 'x-filter', '1'] }],
  proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
};

const open: (() => void)[] = [];

afterEach(async () => {
  for (const close of open.splice(0)) close();
  await stopAll();
});

async function serve(app: Koa): Promise<ClientHttp2Session> {
  app.on('error', () => undefined);

  const server = createServer(app.callback() as never).listen(0);
  await once(server, 'listening');
  const session = connect(`http://localhost:${String((server.address() as AddressInfo).port)}`);
  open.push(() => {
    session.destroy();
    server.close();
  });
  return session;
}

async function send(
  session: ClientHttp2Session,
  headers: OutgoingHttpHeaders,
  body?: string,
): Promise<{ headers: IncomingHttpHeaders & { ':status'?: number }; body: string }> {
  const stream = session.request(headers, { endStream: body === undefined });
  if (body !== undefined) stream.end(body);
  const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
  return { headers: head, body: await text(stream) };
}

describe.each(KOAS)('%s on an HTTP/2 server', (name, Koa) => {
  it('answers through the filter, whatever the body is', async () => {
    const app = new Koa();
    app.use(await filterOf(appends));
    app.use((ctx) => {
      ctx.body = ctx.path === '/stream' ? Readable.from([Buffer.from('hello')]) : ctx.get('x-seen');
    });
    const session = await serve(app);
    expect(await send(session, { ':path': '/' })).toMatchObject({
      headers: { ':status': 200, 'x-filter': '1', 'content-length': '2' },
      body: '1!',
    });
    expect((await send(session, { ':path': '/stream' })).body).toBe('hello!');
    // Koa 2 never answers HEAD on HTTP/2, with or without a filter.
    if (name === 'koa 2') return;
    const head = await send(session, { ':path': '/', ':method': 'HEAD' });
    expect(head).toMatchObject({ headers: { ':status': 200, 'x-filter': '1' }, body: '' });
  });

  it('gives koa-body what the filter made of the body', async () => {
    const app = new Koa();
    app.use(await filterOf(appends));
    app.use(koaBody());
    app.use((ctx) => void (ctx.body = ctx.request.body as object));
    const session = await serve(app);
    const post = { ':path': '/', ':method': 'POST', 'content-type': 'application/json' };
    const body = '{"a":1';
    expect((await send(session, { ...post, 'content-length': body.length }, body)).body).toBe(
      '{"a":1,"c":2}!',
    );
    const long = `{"b":"${'x'.repeat(100_000)}","a":1`;
    const reply = await send(session, { ...post, 'content-length': long.length }, long);
    expect(reply.body).toHaveLength(long.length + 8);
  });

  it('routes by a changed path and shows a changed head', async () => {
    const app = new Koa();
    app.use(
      await filterOf({
        proxy_on_request_headers: [
          { replace: [REQUEST, ':path', '/new?b=2'] },
          { replace: [REQUEST, ':method', 'PUT'] },
          { replace: [REQUEST, ':authority', 'other.test'] },
        ],
      }),
    );
    app.use((ctx) => {
      const { method, path, query, originalUrl, host } = ctx;
      ctx.body = { method, path, query, originalUrl, host };
    });
    const reply = await send(await serve(app), { ':path': '/old?a=1' });
    expect(JSON.parse(reply.body)).toEqual({
      ...{ method: 'PUT', path: '/new', query: { b: '2' } },
      ...{ originalUrl: '/old?a=1', host: 'other.test' },
    });
  });

  it('refuses: the head, and a body that koa-body waits for', async () => {
    const found: unknown[] = [];
    const app = new Koa();
    app.use(async (ctx, next) => {
      await next();
      found.push([ctx.status, ctx.respond]);
    });
    const deny = { localResponse: { status: 403, body: 'denied' } };
    app.use(
      await filterOf({
        proxy_on_request_headers: [{ atEnd: [deny] }],
        proxy_on_request_body: [deny],
      }),
    );
    let behind: unknown;
    app.use(async (_ctx, next) => next().catch((error: unknown) => (behind = error)));
    app.use(koaBody());
    const session = await serve(app);
    const refused = { headers: { ':status': 403, 'content-length': '6' }, body: 'denied' };
    expect(await send(session, { ':path': '/' })).toMatchObject(refused);
    const post = { ':path': '/', ':method': 'POST', 'content-type': 'text/plain' };
    // More than is held for its length, and its end never comes.
    const stream = session.request({ ...post, 'content-length': 100_000 });
    stream.on('error', () => undefined).write('part');
    const [head] = (await once(stream, 'response')) as [IncomingHttpHeaders];
    expect(head).toMatchObject(refused.headers);
    await until(() => found.length === 2 && behind !== undefined);
    expect(found).toEqual([
      [403, false],
      [403, false],
    ]);
    stream.destroy();
  });

  it('answers an error of a later middleware through the filter', async () => {
    const app = new Koa();
    app.use(await filterOf(appends));
    app.use((ctx) => ctx.throw(418, 'short and stout'));
    expect(await send(await serve(app), { ':path': '/' })).toMatchObject({
      headers: { ':status': 418, 'x-filter': '1' },
      body: 'short and stout!',
    });
  });
});
