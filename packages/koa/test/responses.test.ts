import { once } from 'node:events';
import { get } from 'node:http';
import { PassThrough, Readable } from 'node:stream';

import { afterEach, describe, expect, it } from 'vitest';

import { filterOf, KOAS, serve, stopAll, until, type Callbacks } from './support/koa-server.js';

const RESPONSE_HEADERS = 2;
const RESPONSE_BODY = 1;
const ALL = 0x7fffffff;

const marks: Callbacks = {
  proxy_on_response_headers: [{ add: [RESPONSE_HEADERS, 'x-filter', '1'] }],
};
const appends: Callbacks = {
  ...marks,
  proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
};
const refuses: Callbacks = {
  proxy_on_response_headers: [{ localResponse: { status: 403, body: 'denied' } }],
};

afterEach(stopAll);

describe.each(KOAS)('%s', (name, Koa) => {
  const is3 = name === 'koa 3';

  /** An app that answers `body`, behind a filter. */
  async function answering(body: () => unknown, callbacks: Callbacks = appends) {
    const app = new Koa();
    app.use(await filterOf(callbacks));
    app.use((ctx) => {
      ctx.body = body();
    });
    return serve(app);
  }

  describe('a body', () => {
    it.each<[string, () => unknown, string, string | undefined]>([
      ['a string', () => 'hello', 'hello!', '6'],
      ['a buffer', () => Buffer.from('hello'), 'hello!', '6'],
      ['an object', () => ({ a: 1 }), '{"a":1}!', '8'],
      [
        'a stream',
        () => Readable.from([Buffer.from('he'), Buffer.from('llo')]),
        'hello!',
        undefined,
      ],
      ['an empty string', () => '', '', '0'],
      ['a long string', () => 'x'.repeat(100_000), `${'x'.repeat(100_000)}!`, '100001'],
    ])('that is %s goes through the filter', async (_kind, body, text, length) => {
      const { client } = await answering(body);
      const reply = await client.send({});
      expect(reply.body).toBe(text);
      expect(reply.headers['content-length']).toBe(length);
      expect(reply.headers['x-filter']).toBe('1');
      expect(reply.status).toBe(200);
      const head = await client.send({ method: 'HEAD' });
      expect(head.body).toBe('');
      expect(head.headers['x-filter']).toBe('1');
      expect(head.port).toBe(reply.port);
    });

    it.runIf(is3).each<[string, () => unknown]>([
      ['a blob', () => new Blob(['hello'])],
      ['a web stream', () => new Blob(['hello']).stream()],
      ['a Response', () => new Response('hello', { headers: { 'x-more': '1' } })],
    ])('that is %s goes through the filter', async (_kind, body) => {
      const { client } = await answering(body);
      const reply = await client.send({});
      expect(reply.body).toBe('hello!');
      expect(reply.headers['x-filter']).toBe('1');
    });

    it.each([204, 304])('is none with status %i', async (status) => {
      const app = new Koa();
      app.use(await filterOf(appends));
      app.use((ctx) => {
        ctx.status = status;
      });
      const { client } = await serve(app);
      const replies = [await client.send({}), await client.send({})];
      expect(replies.map((reply) => reply.status)).toEqual([status, status]);
      expect(replies.map(({ body }) => body)).toEqual(['', '']);
      expect(replies[0]?.headers['x-filter']).toBe('1');
      expect(replies[0]?.port).toBe(replies[1]?.port);
    });

    it('that is null is none', async () => {
      const { client } = await answering(() => null, marks);
      const reply = await client.send({});
      expect([reply.status, reply.body, reply.headers['x-filter']]).toEqual([204, '', '1']);
    });

    it('that nobody set is Koa’s own for 404', async () => {
      const app = new Koa();
      app.use(await filterOf(appends));
      const { client } = await serve(app);
      expect(await client.send({})).toMatchObject({ status: 404, body: 'Not Found!' });
    });

    it('that is a stream reaches the client as it is written', async () => {
      const stream = new PassThrough();
      const { port } = await answering(() => stream);
      stream.write('one');
      const [response] = (await once(get({ port }), 'response')) as [Readable];
      expect(String((await once(response, 'data'))[0])).toBe('one');
      stream.write('two');
      expect(String((await once(response, 'data'))[0])).toBe('two');
      stream.end();
      expect(String((await once(response, 'data'))[0])).toBe('!');
    });

    it('that is an endless stream ends where a filter answers in its place', async () => {
      const stream = new PassThrough();
      stream.write('endless');
      const { client } = await answering(() => stream, refuses);
      expect(await client.send({})).toMatchObject({ status: 403, body: 'denied' });
      await until(() => stream.destroyed);
    });
  });

  describe('an error', () => {
    it('that a later middleware throws is answered by Koa, through the filter', async () => {
      const app = new Koa();
      app.use(await filterOf(appends));
      app.use(async (ctx) => {
        ctx.set('x-app', '1');
        await Promise.resolve();
        if (ctx.path === '/teapot') ctx.throw(418, 'short and stout');
        throw new Error('secret');
      });
      const { client, errors } = await serve(app);
      const teapot = await client.send({ path: '/teapot' });
      expect(teapot).toMatchObject({ status: 418, body: 'short and stout!' });
      expect(teapot.headers).toMatchObject({ 'x-filter': '1', 'content-length': '16' });
      expect(teapot.headers['x-app']).toBeUndefined();
      const other = await client.send({});
      expect(other).toMatchObject({ status: 500, body: 'Internal Server Error!' });
      expect(errors.map(({ message }) => message)).toEqual(['short and stout', 'secret']);
    });

    it('reaches a middleware before the filter, which may answer', async () => {
      const app = new Koa();
      app.use(async (ctx, next) => {
        await next().catch((error: Error) => {
          ctx.status = 502;
          ctx.body = error.message;
        });
      });
      app.use(await filterOf(appends));
      app.use(() => {
        throw new Error('caught');
      });
      const { client, errors } = await serve(app);
      expect(await client.send({})).toMatchObject({ status: 502, body: 'caught!' });
      expect(errors).toEqual([]);
    });

    it('of a stream before its first byte ends as it does without a filter', async () => {
      const failing = (): Readable =>
        new Readable({
          read() {
            this.destroy(new Error('no disk'));
          },
        });
      const { client, errors } = await answering(failing);
      const reply = client.send({});
      // Koa 3 pipes with stream.pipeline, which ends the connection.
      if (is3) await expect(reply).rejects.toThrow('socket hang up');
      else expect(await reply).toMatchObject({ status: 500, body: 'Internal Server Error!' });
      expect(errors[0]?.message).toBe('no disk');
    });
  });

  describe('ctx.respond = false', () => {
    it('leaves the response to the app, behind the filter', async () => {
      const app = new Koa();
      app.use(await filterOf(appends));
      app.use((ctx) => {
        ctx.respond = false;
        ctx.res.writeHead(201, { 'x-app': '1' });
        setTimeout(() => ctx.res.end('raw'), 10);
      });
      const { client } = await serve(app);
      const reply = await client.send({});
      expect(reply).toMatchObject({ status: 201, body: 'raw!' });
      expect(reply.headers).toMatchObject({ 'x-app': '1', 'x-filter': '1' });
    });

    it('is left alone by a filter that lets the request pass', async () => {
      const seen: unknown[] = [];
      const app = new Koa();
      app.use(async (ctx, next) => {
        await next();
        seen.push(ctx.respond);
      });
      app.use(await filterOf(appends));
      const { client } = await serve(app);
      await client.send({});
      expect(seen).toEqual([undefined]);
    });
  });
});
