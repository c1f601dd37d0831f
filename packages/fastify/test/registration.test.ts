import { createServer } from 'node:http';

import createFastify, { type FastifyInstance } from 'fastify';
import { afterEach, describe, expect, expectTypeOf, it } from 'vitest';
import { createHost, createPlugin, type Plugin } from '@proxy-wasm-node/core';

import { filterState, wasmFilter, type RouteFilterOptions } from '../src/index.js';
import {
  atEnd,
  createApp,
  filterOf,
  host,
  logs,
  plugin,
  portOf,
  send,
  stopAll,
  WAYS,
  type Callbacks,
} from './support/fastify-app.js';

const REQUEST = 0;
const RESPONSE = 2;
const RESPONSE_BODY = 1;

/** Leaves its mark on the response. */
const marks = (name: string): Callbacks => ({
  proxy_on_response_headers: [{ add: [RESPONSE, 'x-mark', name] }],
});
const says = (text: string): Callbacks => ({ proxy_on_request_headers: [{ log: text }] });

afterEach(stopAll);

/** What the filters of `marks` that ran on a path left, the last first. */
async function marked(app: FastifyInstance, path: string): Promise<string | undefined> {
  return (await send(app, { path })).headers['x-mark'] as string | undefined;
}

const hello = async (): Promise<string> => 'hello';

describe('where a filter is registered', () => {
  it('at the root it runs on every route, before and after it, and on none', async () => {
    const { app } = createApp();
    app.get('/before', hello);
    await app.register(wasmFilter, await filterOf(marks('root')));
    app.get('/after', hello);
    await app.register(
      async (scope) => {
        scope.get('/', hello);
        scope.setNotFoundHandler((_request, reply) => reply.code(404).send('none here'));
      },
      { prefix: '/scope' },
    );
    for (const path of ['/before', '/after', '/scope', '/scope/none', '/none']) {
      expect(await marked(app, path), path).toBe('root');
    }
  });

  it('in a scope it runs there and in the scopes within, after those outside', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks('root')));
    await app.register(async (scope) => {
      await scope.register(wasmFilter, await filterOf(marks('scope')));
      scope.get('/scope', hello);
      await scope.register(async (inner) => {
        await inner.register(wasmFilter, await filterOf(marks('inner')));
        inner.get('/inner', hello);
      });
    });
    await app.register(async (other) => {
      other.get('/other', hello);
    });
    expect(await marked(app, '/scope')).toBe('scope, root');
    expect(await marked(app, '/inner')).toBe('inner, scope, root');
    expect(await marked(app, '/other')).toBe('root');
  });

  it('several plugins run first to last, and on the response last to first', async () => {
    const { app } = createApp();
    const plugins = [
      await plugin({ ...says('first'), ...marks('first') }),
      await plugin({ ...says('second'), ...marks('second') }),
    ];
    await app.register(wasmFilter, { plugins, host });
    await app.register(wasmFilter, await filterOf({ ...says('third'), ...marks('third') }));
    app.get('/', hello);
    expect(await marked(app, '/')).toBe('third, second, first');
    expect(logs).toEqual(['first', 'second', 'third']);
  });
});

describe("a route's config", () => {
  it('false keeps all filters away from it', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks('root')));
    app.get('/off', { config: { wasmFilter: false } }, hello);
    app.get('/on', { config: { wasmFilter: true } }, hello);
    await app.register(async (scope) => {
      await scope.register(wasmFilter, await filterOf(marks('scope')));
      scope.get('/scope', { config: { wasmFilter: false } }, hello);
    });
    expect(await marked(app, '/off')).toBeUndefined();
    expect(await marked(app, '/scope')).toBeUndefined();
    expect(await marked(app, '/on')).toBe('root');
  });

  it('with plugins it has a chain of its own, for HEAD too, in the place of the others', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(marks('root')));
    const own = await filterOf(marks('own'));
    app.get('/own', { config: { wasmFilter: own } }, hello);
    app.get('/also', { config: { wasmFilter: own } }, hello);
    await app.register(async (scope) => {
      await scope.register(wasmFilter, await filterOf(marks('scope')));
      scope.get('/scope', { config: { wasmFilter: own } }, hello);
    });
    for (const path of ['/own', '/also', '/scope']) expect(await marked(app, path)).toBe('own');
    const head = await send(app, { method: 'HEAD', path: '/own' });
    expect(head).toMatchObject({ status: 200, headers: { 'x-mark': 'own' } });
  });

  it('works for routes defined before the filter is registered', async () => {
    const { app } = createApp();
    app.get('/own', { config: { wasmFilter: await filterOf(marks('own')) } }, hello);
    app.get('/off', { config: { wasmFilter: false } }, hello);
    void app.register(wasmFilter, await filterOf(marks('root')));
    app.get('/late', { config: { wasmFilter: await filterOf(marks('late')) } }, hello);
    expect(await marked(app, '/own')).toBe('own');
    expect(await marked(app, '/own')).toBe('own');
    expect(await marked(app, '/off')).toBeUndefined();
    expect(await marked(app, '/late')).toBe('late');
  });

  it('takes what it does not say from the nearest registration', async () => {
    const { app } = createApp();
    const nearest: string[] = [];
    const own = createHost({ logger: { info: (_, text) => nearest.push(text) } });
    await app.register(wasmFilter, await filterOf(marks('root')));
    await app.register(async (scope) => {
      await scope.register(wasmFilter, { ...(await filterOf(marks('scope'))), host: own });
      const plugins = await plugin({ ...says('ran'), ...marks('own') });
      scope.get('/', { config: { wasmFilter: { plugins } } }, hello);
    });
    expect(await marked(app, '/')).toBe('own');
    expect(nearest).toEqual(['wasm log guest: ran']);
  });

  it('without plugins it changes the options of the chains', async () => {
    const { app } = createApp();
    const reads: Callbacks = { ...marks('root'), proxy_on_request_body: [{ log: 'body' }] };
    app.addHook('onRequest', async ({ raw }) => {
      for await (const chunk of raw) void chunk;
    });
    await app.register(wasmFilter, await filterOf(reads));
    const wasmFilterOptions: RouteFilterOptions = { allowConsumedBody: true };
    app.post('/allowed', { config: { wasmFilter: wasmFilterOptions } }, hello);
    app.post('/', hello);
    app.removeAllContentTypeParsers();
    app.addContentTypeParser('*', (_request, _payload, done) => {
      done(null);
    });
    expect(await send(app, { path: '/', body: 'x' })).toMatchObject({ status: 503 });
    const reply = await send(app, { path: '/allowed', body: 'x' });
    expect(reply).toMatchObject({ status: 200, headers: { 'x-mark': 'root' } });
  });

  it('that is neither is refused when the route is defined', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf({}));
    const config = { wasmFilter: 'off' } as unknown as { wasmFilter: false };
    expect(() => app.get('/', { config }, hello)).toThrow(/wasmFilter.*not a string/);
  });

  it('is typed', () => {
    expectTypeOf<{ wasmFilter: { plugins: Plugin[] } }>().toExtend<{
      wasmFilter?: boolean | RouteFilterOptions;
    }>();
  });
});

describe("the app's logger", () => {
  it('takes what filters log, in their levels, where the host has none', async () => {
    const { app, lines } = createApp();
    const { plugins } = await filterOf({
      proxy_on_request_headers: [
        { log: 'hello' },
        { wat: '(drop (call $proxy_log (i32.const 0) (i32.const 0) (i32.const 0)))' },
      ],
    });
    await app.register(wasmFilter, { plugins });
    await app.register(wasmFilter, { plugins, host: createHost() });
    await send(app, {});
    const ours = lines.filter(({ msg }) => msg.startsWith('wasm log'));
    expect(ours).toMatchObject(Array(2).fill({ level: 30, msg: 'wasm log guest: hello' }));
  });

  it('is left alone where the plugin or the host has one', async () => {
    const { app, lines } = createApp();
    const own: string[] = [];
    const logger = { info: (_: object, text: string) => own.push(text) };
    const options = await plugin(says('hello'), { logger });
    await app.register(wasmFilter, { plugins: options });
    await app.register(wasmFilter, await filterOf(says('on the host')));
    await send(app, {});
    expect(own).toEqual(['wasm log guest: hello']);
    expect(logs).toEqual(['on the host']);
    expect(lines.filter(({ msg }) => msg.startsWith('wasm log'))).toEqual([]);
  });
});

describe("the app's life", () => {
  it('ready() waits for the plugins, of routes too; close() closes them, but not the caller’s', async () => {
    const app = createFastify();
    const own = createHost();
    const mine = await own.createPlugin(await plugin({}, { name: 'mine' }));
    await app.register(wasmFilter, {
      plugins: [mine, await plugin({}, { name: 'made' })],
      host: own,
    });
    const plugins = await plugin({}, { name: 'of a route' });
    app.get('/', { config: { wasmFilter: { plugins } } }, hello);
    await app.ready();
    expect(
      own
        .health()
        .plugins.map(({ name }) => name)
        .sort(),
    ).toEqual(['made', 'mine', 'of a route']);
    await app.close();
    expect(own.health().plugins.map(({ name }) => name)).toEqual(['mine']);
    await own.close();
  });

  it.each([
    ['fail-closed', 503],
    ['fail-open', 200],
  ] as const)(
    'a plugin that cannot start (%s) lets the app start, and answers %i',
    async (failurePolicy, status) => {
      const { app, lines } = createApp();
      await app.register(wasmFilter, { plugins: { code: new Uint8Array(3), failurePolicy } });
      app.get('/', hello);
      await app.ready();
      expect((await send(app, {})).status).toBe(status);
      expect(lines.filter(({ level }) => level === 50)).toMatchObject([
        { msg: expect.stringContaining(`answered as ${failurePolicy} says`) as string },
      ]);
    },
  );

  it('warns of it where the app has no logger', async () => {
    const app = createFastify();
    atEnd(() => app.close());
    const warnings: Error[] = [];
    const note = (warning: Error): void => void warnings.push(warning);
    process.on('warning', note);
    await app.register(wasmFilter, { plugins: { code: new Uint8Array(3) } });
    await app.ready();
    await new Promise(setImmediate);
    process.off('warning', note);
    expect(warnings).toMatchObject([{ name: 'ProxyWasmError' }]);
  });

  it('refuses options that are none', async () => {
    const { app } = createApp();
    const nothing = {} as { plugins: [] };
    const error = { code: 'PW_ERR_OPTIONS_INVALID' };
    await expect(async () => app.register(wasmFilter, nothing)).rejects.toMatchObject(error);
  });
});

describe.each(WAYS)('filterState, $name', ({ createApp, send }) => {
  it('has what a filter left for the app', async () => {
    const { app } = createApp();
    await app.register(
      wasmFilter,
      await filterOf({ proxy_on_request_headers: [{ setProperty: ['user', 'alice'] }] }),
    );
    app.get('/', async (request) => Buffer.from(filterState(request).get('user') ?? []).toString());
    app.get(
      '/off',
      { config: { wasmFilter: false } },
      async (request) => filterState(request).size,
    );
    expect((await send(app, {})).body).toBe('alice');
    expect((await send(app, { path: '/off' })).body).toBe('0');
  });
});

describe('attach', () => {
  it('lets the filter decide before a client is told to send its body', async () => {
    const { app } = createApp();
    const refuses: Callbacks = { proxy_on_request_headers: [{ localResponse: { status: 417 } }] };
    await app.register(wasmFilter, { ...(await filterOf(refuses)), attach: true });
    await app.listen({ port: 0, host: '127.0.0.1' });
    const { request } = await import('node:http');
    const outgoing = request({
      port: portOf(app),
      method: 'POST',
      headers: { expect: '100-continue', 'content-length': 5 },
    });
    const events: unknown[] = [];
    outgoing.on('continue', () => events.push('continue'));
    outgoing.on('error', () => undefined);
    outgoing.flushHeaders();
    await new Promise<void>((resolve) => {
      outgoing.on('response', ({ statusCode }) => {
        events.push(statusCode);
        resolve();
      });
    });
    outgoing.destroy();
    expect(events).toEqual([417]);
  });

  it('runs the chain once', async () => {
    const { app } = createApp();
    await app.register(wasmFilter, {
      ...(await filterOf({ ...says('ran'), ...marks('root') })),
      attach: true,
    });
    app.post('/', async (request) => request.body);
    const spec = {
      body: '{"a":1}',
      headers: { 'content-type': 'application/json', expect: '100-continue' },
    };
    expect(await send(app, spec)).toMatchObject({ body: '{"a":1}', headers: { 'x-mark': 'root' } });
    expect(logs).toEqual(['ran']);
  });

  it('is refused in a scope', async () => {
    const { app } = createApp();
    void app.register(async (scope) => {
      await scope.register(wasmFilter, { ...(await filterOf({})), attach: true });
    });
    await expect(app.ready()).rejects.toThrow(/attach is for the whole server/);
  });
});

it('works beside plugins made with createPlugin, shared by several apps', async () => {
  const shared = await createPlugin({ ...(await plugin(marks('shared'))), logger: console });
  for (let turn = 0; turn < 2; turn += 1) {
    const app = createFastify();
    await app.register(wasmFilter, { plugins: shared });
    app.get('/', hello);
    expect((await app.inject('/')).headers['x-mark']).toBe('shared');
    await app.close();
  }
  expect(shared.state).toBe('running');
  await shared.close();
});

it('takes servers that the app was given', async () => {
  const app = createFastify({ serverFactory: (handler) => createServer(handler) });
  atEnd(() => app.close());
  await app.register(
    wasmFilter,
    await filterOf({ ...marks('root'), ...says(String(REQUEST + RESPONSE_BODY)) }),
  );
  app.get('/', hello);
  expect(await marked(app as unknown as FastifyInstance, '/')).toBe('root');
});
