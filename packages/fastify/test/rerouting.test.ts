import createFastify from 'fastify';
import { afterEach, describe, expect, it } from 'vitest';

import { wasmFilter } from '../src/index.js';
import {
  atEnd,
  createApp,
  filterOf,
  host,
  logs,
  plugin,
  send,
  stopAll,
  until,
  WAYS,
  type Callbacks,
} from './support/fastify-app.js';

const REQUEST = 0;
const RESPONSE = 2;

const to = (path: string, name = 'moved'): Callbacks => ({
  proxy_on_request_headers: [{ log: name }, { replace: [REQUEST, ':path', path] }],
  proxy_on_response_headers: [{ add: [RESPONSE, 'x-mark', name] }],
  proxy_on_log: [{ log: `${name} done` }],
});

afterEach(stopAll);

describe.each(WAYS)('$name', ({ createApp, send }) => {
  it('a root chain that sets :path sends the request to that route, once', async () => {
    const { app, lines } = createApp();
    const hooks: string[] = [];
    await app.register(wasmFilter, await filterOf(to('/new/7?q=1')));
    app.addHook('onRequest', async ({ url }) => void hooks.push(`onRequest ${url}`));
    app.addHook('onSend', async ({ url }) => void hooks.push(`onSend ${url}`));
    app.addHook('onResponse', async ({ url }) => void hooks.push(`onResponse ${url}`));
    app.get('/old', () => 'old');
    app.get('/new/:id', ({ params, query, url }) => ({ params, query, url }));
    const reply = await send(app, { path: '/old' });
    expect(JSON.parse(reply.body)).toEqual({
      params: { id: '7' },
      query: { q: '1' },
      url: '/new/7?q=1',
    });
    expect(reply.headers['x-mark']).toBe('moved');
    await until(() => lines.some(({ msg }) => msg === 'request completed') && logs.length === 2);
    expect(hooks).toEqual(
      ['onRequest', 'onSend', 'onResponse'].map((hook) => `${hook} /new/7?q=1`),
    );
    expect(lines.filter(({ msg }) => msg === 'request completed')).toHaveLength(1);
    expect(logs).toEqual(['moved', 'moved done']);
  });

  it('with a body, which the new route parses', async () => {
    const { app } = createApp();
    await app.register(
      wasmFilter,
      await filterOf({
        ...to('/new'),
        proxy_on_request_body: [
          { beforeEnd: [{ return: 1 }] },
          { atEnd: [{ setBuffer: [0, 0, 99, '{"a":"longer than it was"}'] }] },
        ],
      }),
    );
    app.post('/new', async ({ body }) => body);
    for (const body of ['{"a":1}', ['{"a"', ':1}']]) {
      const reply = await send(app, {
        path: '/old',
        body,
        headers: { 'content-type': 'application/json' },
      });
      expect(reply).toMatchObject({
        status: 200,
        body: expect.stringContaining('longer') as string,
      });
    }
  });

  it('a new method is routed too', async () => {
    const { app } = createApp();
    const filter: Callbacks = {
      proxy_on_request_headers: [{ replace: [REQUEST, ':method', 'PUT'] }],
    };
    await app.register(wasmFilter, await filterOf(filter));
    app.put('/', async ({ method }) => method);
    expect(await send(app, {})).toMatchObject({ status: 200, body: 'PUT' });
  });

  it('to a path that no route has it is not found, by the new name', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(to('/none')));
    const reply = await send(app, { path: '/old' });
    expect(reply).toMatchObject({ status: 404, headers: { 'x-mark': 'moved' } });
    expect(reply.body).toContain('GET:/none');
  });

  it('in a scope it changes the URL only, and says so once', async () => {
    const { app, lines } = createApp();
    await app.register(
      async (scope) => {
        await scope.register(wasmFilter, await filterOf(to('/new')));
        scope.get('/old', async ({ url, raw }) => [url, raw.url]);
      },
      { prefix: '/scope' },
    );
    app.get('/new', () => 'new');
    for (let turn = 0; turn < 2; turn += 1) {
      expect((await send(app, { path: '/scope/old' })).body).toBe('["/new","/new"]');
    }
    const warnings = lines.filter(({ level }) => level === 40);
    expect(warnings).toMatchObject([
      { url: '/new', msg: expect.stringContaining('stays on its route') as string },
    ]);
  });
});

describe('over HTTP/1', () => {
  it('goes on to the filters that have not run: of the root, and of the new route', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(to('/b', 'first')));
    await app.register(wasmFilter, await filterOf(to('/c', 'second')));
    await app.register(
      wasmFilter,
      await filterOf({ proxy_on_request_headers: [{ log: 'third' }] }),
    );
    await app.register(async (scope) => {
      await scope.register(
        wasmFilter,
        await filterOf({ proxy_on_request_headers: [{ log: 'scope' }] }),
      );
      scope.get('/c', async ({ url }) => url);
    });
    app.get('/b', () => 'b');
    const reply = await send(app, { path: '/a' });
    expect(reply).toMatchObject({ body: '/c', headers: { 'x-mark': 'second, first' } });
    await until(() => logs.length === 6);
    expect(logs).toEqual(['first', 'second', 'third', 'scope', 'first done', 'second done']);
  });

  it('a scope that runs before the root chain is not taken for one that has run', async () => {
    const { app } = createApp();
    void app.register(async (scope) => {
      await scope.register(
        wasmFilter,
        await filterOf({ proxy_on_request_headers: [{ log: 'scope' }] }),
      );
      scope.get('/new', () => 'new');
    });
    await app.register(wasmFilter, await filterOf(to('/new')));
    app.get('/old', () => 'old');
    expect((await send(app, { path: '/old' })).body).toBe('new');
    expect(logs).toContain('scope');
  });

  it('a route may be off: its filters are, but not the one that sent it there', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(to('/off', 'first')));
    await app.register(wasmFilter, await filterOf(to('/c', 'second')));
    app.get('/off', { config: { wasmFilter: false } }, () => 'off');
    const reply = await send(app, { path: '/a' });
    expect(reply).toMatchObject({ body: 'off', headers: { 'x-mark': 'first' } });
  });

  it("a route's own chain changes the URL only", async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf({}));
    app.get('/old', { config: { wasmFilter: await filterOf(to('/new')) } }, async ({ url }) => url);
    app.get('/new', () => 'new');
    expect((await send(app, { path: '/old' })).body).toBe('/new');
  });

  it('answers to hooks and logs of the new route when a filter refuses there', async () => {
    const { app, lines } = createApp();
    const seen: string[] = [];
    await app.register(
      wasmFilter,
      await filterOf({
        ...to('/new'),
        proxy_on_request_body: [
          { beforeEnd: [{ return: 1 }] },
          { atEnd: [{ localResponse: { status: 403, body: 'denied' } }] },
          { return: 1 },
        ],
      }),
    );
    await app.register(async (scope) => {
      scope.addHook('onSend', async (request, reply) => {
        seen.push(`${request.url} ${String(reply.statusCode)}`);
      });
      scope.post('/new', () => 'new');
    });
    const body = ['a', 'b'];
    const reply = await send(app, {
      path: '/old',
      body,
      headers: { 'content-type': 'text/plain' },
    });
    expect(reply).toMatchObject({ status: 403, body: 'denied' });
    expect(seen).toEqual(['/new 403']);
    await until(() => lines.some(({ msg }) => msg === 'request completed'));
    expect(lines.at(-1)).toMatchObject({ res: { statusCode: 403 } });
  });

  it('stays free of handler timeouts of the first route', async () => {
    const { app, lines } = createApp();
    await app.register(wasmFilter, await filterOf(to('/new')));
    app.get('/old', { handlerTimeout: 500 }, () => 'old');
    app.get('/new', async () => {
      await new Promise((resolve) => setTimeout(resolve, 600));
      return 'new';
    });
    expect((await send(app, { path: '/old' })).body).toBe('new');
    expect(lines.filter(({ level }) => level > 30)).toEqual([]);
  });

  it('a path that no URL can be is a bad request, and the app lives', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(to('/%zz')));
    app.get('/:id', () => 'new');
    expect((await send(app, { path: '/old' })).status).toBe(400);
    expect((await send(app, { path: '/old' })).status).toBe(400);
  });

  it('goes through rewriteUrl as the client’s would', async () => {
    const app = createFastify({ rewriteUrl: ({ url = '' }) => url.replace('/v1', '') });
    atEnd(() => app.close());
    await app.register(wasmFilter, { plugins: await plugin(to('/v1/new')), host });
    app.get('/new', async ({ url }) => url);
    expect((await app.inject('/v1/old')).body).toBe('/new');
  });
});
