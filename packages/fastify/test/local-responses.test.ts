import { AsyncLocalStorage } from 'node:async_hooks';
import { setTimeout as sleep } from 'node:timers/promises';

import type { FastifyInstance } from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

import type { Operation } from '../../conformance/src/guests/operations.js';
import { wasmFilter } from '../src/index.js';
import {
  filterOf,
  logs,
  portOf,
  send,
  stopAll,
  until,
  WAYS,
  type Callbacks,
} from './support/fastify-app.js';

const RESPONSE = 2;
const DENY: Operation = {
  localResponse: { status: 403, body: 'denied', headers: [['x-by', 'f']] },
};
const refusesHead: Callbacks = { proxy_on_request_headers: [DENY] };
/** Lets the app begin where the body's length is unknown, then refuses. */
const refusesBody: Callbacks = { proxy_on_request_body: [{ atEnd: [DENY] }, { return: 1 }] };

afterEach(stopAll);

/** Hooks that note that they ran; `onSend` marks the answer and makes it louder. */
function watch(app: FastifyInstance, seen: string[], ms = 0): void {
  app.addHook('onSend', async (request, reply, payload) => {
    if (ms > 0) await sleep(ms);
    seen.push(`onSend ${String(reply.statusCode)} ${String(payload)}`);
    reply.header('x-on-send', request.url);
    return payload === 'denied' || Buffer.isBuffer(payload) ? `${String(payload)}!` : payload;
  });
  app.addHook('onResponse', async (_request, reply) => {
    seen.push(`onResponse ${String(reply.statusCode)}`);
  });
}

describe.each(WAYS)('$name', ({ createApp, send }) => {
  describe.each([0, 10])('with hooks that take %i ms', (ms) => {
    it('a refusal of the head passes onSend and onResponse, and the log has its status', async () => {
      const { app, lines } = createApp();
      const seen: string[] = [];
      watch(app, seen, ms);
      await app.register(wasmFilter, await filterOf(refusesHead));
      app.get('/', () => seen.push('handler'));
      const reply = await send(app, {});
      expect(reply).toMatchObject({
        status: 403,
        body: 'denied!',
        headers: {
          'x-by': 'f',
          'x-on-send': '/',
          'content-length': '7',
          'content-type': 'text/plain',
        },
      });
      await until(() => seen.length === 2);
      expect(seen).toEqual(['onSend 403 denied', 'onResponse 403']);
      await until(() => lines.some(({ msg }) => msg === 'request completed'));
      expect(lines.filter(({ res }) => res !== undefined)).toMatchObject([
        { msg: 'request completed', res: { statusCode: 403 } },
      ]);
    });

    it.each([
      ['whose length is known', 'order'],
      ['whose length is not known', ['or', 'der']],
    ])('so does a refusal of a body %s, and no handler runs', async (_name, body) => {
      const { app, lines } = createApp();
      const seen: string[] = [];
      watch(app, seen, ms);
      await app.register(wasmFilter, await filterOf(refusesBody));
      app.post('/', () => seen.push('handler'));
      const spec = { body, headers: { 'content-type': 'text/plain' } };
      const replies = [await send(app, spec), await send(app, spec)];
      for (const reply of replies) {
        expect(reply).toMatchObject({
          status: 403,
          body: 'denied!',
          headers: { 'x-on-send': '/' },
        });
      }
      await until(() => lines.filter(({ msg }) => msg === 'request completed').length === 2);
      expect(seen).toEqual(Array(2).fill(['onSend 403 denied', 'onResponse 403']).flat());
    });
  });

  it('goes through the response callbacks of the filters, after onSend', async () => {
    const { app } = createApp();
    watch(app, []);
    await app.register(
      wasmFilter,
      await filterOf({
        ...refusesHead,
        proxy_on_response_headers: [
          { logHeader: [RESPONSE, ':status'] },
          { logHeader: [RESPONSE, 'x-on-send'] },
          { add: [RESPONSE, 'x-seen', 'yes'] },
        ],
      }),
    );
    expect(await send(app, { path: '/a' })).toMatchObject({
      status: 403,
      headers: { 'x-seen': 'yes' },
    });
    expect(logs).toEqual(['403', '/a']);
  });

  it('from a response phase it passes onResponse alone', async () => {
    const { app, lines } = createApp();
    const seen: string[] = [];
    watch(app, seen);
    await app.register(wasmFilter, await filterOf({ proxy_on_response_headers: [DENY] }));
    app.get('/', () => 'hello');
    expect(await send(app, {})).toMatchObject({ status: 403, body: 'denied' });
    await until(() => lines.some(({ msg }) => msg === 'request completed'));
    expect(seen).toEqual(['onSend 200 hello', 'onResponse 403']);
    expect(lines.at(-1)).toMatchObject({ res: { statusCode: 403 } });
  });

  it('is sent for HEAD without its body', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(refusesHead));
    app.get('/', () => 'hello');
    const reply = await send(app, { method: 'HEAD' });
    expect(reply).toMatchObject({ status: 403, body: '', headers: { 'content-length': '6' } });
  });

  it('has cookies of its own beside those of hooks before it', async () => {
    const { app } = createApp();
    app.addHook('onRequest', async (_request, reply) => {
      reply.header('set-cookie', 'a=1').header('etag', 'x').header('x-kept', 'yes');
    });
    const headers: [string, string][] = [
      ['set-cookie', 'b=2'],
      ['set-cookie', 'c=3'],
    ];
    const answer: Operation = { localResponse: { status: 204, headers } };
    await app.register(wasmFilter, await filterOf({ proxy_on_request_headers: [answer] }));
    const reply = await send(app, {});
    expect(reply).toMatchObject({ status: 204, body: '', headers: { 'x-kept': 'yes' } });
    expect(reply.headers['set-cookie']).toEqual(['a=1', 'b=2', 'c=3']);
    expect(reply.headers).not.toHaveProperty('etag');
  });

  it('is answered by the error handler where onSend fails', async () => {
    const { app } = createApp();
    app.addHook('onSend', async (_request, reply, payload) => {
      if (payload !== 'failed') throw new Error('onSend failed');
      reply.header('x-failed', 'yes');
      return payload;
    });
    app.setErrorHandler((_error, _request, reply) => reply.code(500).send('failed'));
    await app.register(wasmFilter, await filterOf(refusesHead));
    expect(await send(app, {})).toMatchObject({ status: 500, body: 'failed' });
  });
});

describe('a filter that refuses a body while the handler has it', () => {
  /** Reads nothing into memory: the handler runs as soon as the head has passed. */
  const stream = (app: FastifyInstance): void => {
    app.addContentTypeParser('*', (_request, _payload, done) => {
      done(null);
    });
  };
  const spec = { body: ['a', 'b'], headers: { 'content-type': 'x/y' } };

  it('has its answer sent, and what the handler answers later is dropped', async () => {
    const { app, lines } = WAYS[0]!.createApp();
    const seen: string[] = [];
    watch(app, seen, 20);
    stream(app);
    await app.register(wasmFilter, await filterOf(refusesBody));
    app.post('/', async (_request, reply) => {
      reply.header('content-encoding', 'x');
      await until(() => seen.length > 0);
      return 'too late';
    });
    app.post('/callback', (_request, reply) => {
      void until(() => seen.length > 2).then(() => reply.send('too late'));
    });
    for (const path of ['/', '/callback']) {
      const reply = await send(app, { ...spec, path });
      expect(reply).toMatchObject({ status: 403, body: 'denied!' });
      expect(reply.headers).not.toHaveProperty('content-encoding');
    }
    await until(() => seen.length === 4);
    await sleep(50);
    expect(seen).toEqual(Array(2).fill(['onSend 403 denied', 'onResponse 403']).flat());
    expect(lines.filter(({ level }) => level >= 50)).toEqual([]);
  });

  it('replaces an answer that the handler has begun, past onSend', async () => {
    const { app } = WAYS[0]!.createApp();
    const seen: string[] = [];
    // Enough for the rest of the body to come, with which it is refused.
    watch(app, seen, 500);
    stream(app);
    await app.register(wasmFilter, await filterOf(refusesBody));
    app.post('/', async () => 'early');
    expect(await send(app, spec)).toMatchObject({ status: 403, body: 'denied' });
    await until(() => seen.length === 2);
    expect([...seen].sort()).toEqual(['onResponse 403', 'onSend 403 early']);
  });
});

it('a filter that answers after a pause does so in the async context of its request', async () => {
  const storage = new AsyncLocalStorage<string>();
  const { app } = WAYS[0]!.createApp();
  const seen: unknown[] = [];
  app.addHook('onRequest', (request, _reply, next) => {
    storage.run(request.url, next);
  });
  app.addHook('onSend', async (request) => {
    seen.push([request.url, storage.getStore()]);
  });
  // The second request's turn answers the first one, which is paused.
  const operations: Operation[] = [
    { inContext: [2, [{ log: 'paused' }, { return: 1 }]] },
    { inContext: [3, [{ effectiveContext: 2 }, DENY, { effectiveContext: 3 }, DENY]] },
  ];
  await app.register(wasmFilter, await filterOf({ proxy_on_request_headers: operations }));
  await app.listen({ port: 0, host: '127.0.0.1' });
  const origin = `http://127.0.0.1:${String(portOf(app))}`;
  const first = fetch(`${origin}/first`);
  await until(() => logs.includes('paused'));
  expect((await fetch(`${origin}/second`)).status).toBe(403);
  expect((await first).status).toBe(403);
  expect(seen).toEqual([
    ['/first', '/first'],
    ['/second', '/second'],
  ]);
});

it('answers with a status that Fastify has no name for', async () => {
  const { app } = WAYS[0]!.createApp();
  await app.register(
    wasmFilter,
    await filterOf({ proxy_on_request_headers: [{ localResponse: { status: 799, body: 'odd' } }] }),
  );
  expect(await send(app, {})).toMatchObject({ status: 799, body: 'odd' });
});
