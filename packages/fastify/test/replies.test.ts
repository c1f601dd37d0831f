/** What an app's handlers can answer with, through filters that look at it and change it. */
import { Readable } from 'node:stream';

import { afterEach, describe, expect, it } from 'vitest';

import { wasmFilter } from '../src/index.js';
import { filterOf, logs, stopAll, until, WAYS, type Callbacks } from './support/fastify-app.js';

const REQUEST_BODY = 0;
const RESPONSE_BODY = 1;
const RESPONSE = 2;
const ALL = 0x7fffffff;

/** Marks the head, and puts a word behind the body. */
const marks: Callbacks = {
  proxy_on_response_headers: [{ add: [RESPONSE, 'x-mark', 'seen'] }],
  proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, ' end'] }] }],
};

afterEach(stopAll);

describe.each(WAYS)('$name', ({ createApp, send }) => {
  it.each([
    ['a string', 'hello', 'hello', /^text\/plain/],
    ['a Buffer', Buffer.from('hello'), 'hello', /^application\/octet-stream/],
    ['a typed array', new Uint8Array([104, 105]), 'hi', /^application\/octet-stream/],
    ['an object', { a: 1 }, '{"a":1}', /^application\/json/],
    ['an empty string', '', '', undefined],
  ])('reply.send of %s', async (_name, payload, text, type) => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.get('/', (_request, reply) => reply.send(payload));
    // Nothing is sent in one go where there is no body to look at.
    const body = text === '' ? '' : `${text} end`;
    const reply = await send(app, {});
    expect(reply).toMatchObject({ status: 200, body, headers: { 'x-mark': 'seen' } });
    expect(reply.headers['content-length']).toBe(String(body.length));
    if (type !== undefined) expect(reply.headers['content-type']).toMatch(type);
  });

  it('reply.send of a stream', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.get('/', (_request, reply) => reply.send(Readable.from([Buffer.from('in '), 'pieces'])));
    const replies = [await send(app, {}), await send(app, {})];
    for (const reply of replies) {
      expect(reply).toMatchObject({ body: 'in pieces end', headers: { 'x-mark': 'seen' } });
      expect(reply.headers['content-length']).toBeUndefined();
    }
  });

  it('reply.send of a Response, with its status and headers', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.get('/', (_request, reply) =>
      reply.send(new Response('made', { status: 201, headers: { 'x-own': '1' } })),
    );
    expect(await send(app, {})).toMatchObject({
      status: 201,
      body: 'made end',
      headers: { 'x-own': '1', 'x-mark': 'seen' },
    });
  });

  it('what a handler returns, a redirect, no content', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.get('/returned', async () => ({ returned: true }));
    app.get('/redirect', (_request, reply) => reply.redirect('/elsewhere'));
    app.get('/none', (_request, reply) => reply.code(204).send());
    expect(await send(app, { path: '/returned' })).toMatchObject({
      body: '{"returned":true} end',
    });
    expect(await send(app, { path: '/redirect' })).toMatchObject({
      status: 302,
      headers: { location: '/elsewhere', 'x-mark': 'seen' },
    });
    const none = await send(app, { path: '/none' });
    expect(none).toMatchObject({ status: 204, body: '', headers: { 'x-mark': 'seen' } });
    expect(none.headers['content-length']).toBeUndefined();
  });

  it('an error of a handler, by the app’s error handler', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.setErrorHandler((error: Error, _request, reply) => reply.code(418).send(error.message));
    app.get('/', async () => {
      throw new Error('broken');
    });
    expect(await send(app, {})).toMatchObject({ status: 418, body: 'broken end' });
  });

  it('reply.hijack, after which the app writes reply.raw', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.get('/', (_request, reply) => {
      reply.hijack();
      reply.raw.writeHead(202, { 'x-raw': '1' });
      reply.raw.write('raw');
      reply.raw.end(' words');
    });
    for (const reply of [await send(app, {}), await send(app, {})]) {
      expect(reply).toMatchObject({
        status: 202,
        body: 'raw words end',
        headers: { 'x-raw': '1', 'x-mark': 'seen' },
      });
    }
  });

  it('reply.raw without a hijack, whose end Fastify sees', async () => {
    const { app, lines } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.get('/', (_request, reply) => {
      reply.raw.statusCode = 203;
      reply.raw.end('raw');
      return reply;
    });
    expect(await send(app, {})).toMatchObject({ status: 203, body: 'raw end' });
    await until(() => lines.some(({ msg }) => msg === 'request completed'));
    expect(lines.find(({ res }) => res !== undefined)).toMatchObject({ res: { statusCode: 203 } });
  });

  it('hooks that change the payload do so before the filter', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks));
    app.addHook('preSerialization', async () => ({ from: 'hook' }));
    app.addHook('onSend', async (_request, reply, payload) => {
      reply.header('x-on-send', '1');
      return `${String(payload)} sent`;
    });
    app.get('/', async () => ({}));
    expect(await send(app, {})).toMatchObject({
      body: '{"from":"hook"} sent end',
      headers: { 'x-on-send': '1', 'x-mark': 'seen' },
    });
  });
});

describe.each(WAYS)('a body that a filter has changed, $name', ({ createApp, send }) => {
  const JSON_TYPE = { 'content-type': 'application/json' };
  const ORDER = {
    body: {
      type: 'object',
      properties: { item: { type: 'string' }, count: { type: 'integer', default: 1 } },
      required: ['item'],
      additionalProperties: false,
    },
  } as const;
  const becomes = (text: string): Callbacks => ({
    proxy_on_request_body: [
      { beforeEnd: [{ return: 1 }] },
      { setBuffer: [REQUEST_BODY, 0, ALL, text] },
    ],
  });

  it.each([
    ['whose length is known', '{}'],
    ['that comes in chunks', ['{', '}']],
  ])('%s is validated as it is now', async (_name, body) => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(becomes('{"item":"tea"}')));
    app.post('/', { schema: ORDER }, async (request) => request.body);
    expect(await send(app, { body, headers: JSON_TYPE })).toMatchObject({
      status: 200,
      body: '{"item":"tea","count":1}',
    });
  });

  it('and refused as it is now', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(becomes('{"count":"many"}')));
    app.post('/', { schema: ORDER }, async () => logs.push('handler'));
    const spec = { body: '{"item":"tea"}', headers: JSON_TYPE };
    for (const reply of [await send(app, spec), await send(app, spec)]) {
      expect(reply.status).toBe(400);
      expect(reply.body).toContain('FST_ERR_VALIDATION');
    }
    expect(logs).toEqual([]);
  });

  it('is refused where it has become longer than the app takes', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(becomes(JSON.stringify('x'.repeat(500)))));
    app.post('/', { bodyLimit: 100 }, async () => logs.push('handler'));
    expect(await send(app, { body: '{}', headers: JSON_TYPE })).toMatchObject({ status: 413 });
    expect(logs).toEqual([]);
  });

  it('of another content-type, which the filter has set, has its parser', async () => {
    const { app } = createApp();
    await app.register(
      wasmFilter,
      await filterOf({
        ...becomes('plain words'),
        proxy_on_request_headers: [{ replace: [0, 'content-type', 'text/plain'] }],
      }),
    );
    app.post('/', async (request) => request.body);
    expect(await send(app, { body: '{}', headers: JSON_TYPE })).toMatchObject({
      body: 'plain words',
    });
  });
});
