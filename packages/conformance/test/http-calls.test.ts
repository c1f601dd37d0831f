/** Filters that call upstreams while an exchange waits: in Express, over real sockets. */
import { createServer, request as httpRequest, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import express, { type Express } from 'express';
import request from 'supertest';
import { afterEach, beforeAll, describe, expect, it } from 'vitest';
import { createHost, type Host, type HostOptions, type Plugin } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/express';

import type { Operation } from '../src/guests/operations.js';
import { guest, type GuestScript } from '../src/guests/wat-guest.js';

const REQUEST = 0;
const RESPONSE = 1;
const REQUEST_HEADERS = 0;
const RESPONSE_HEADERS = 2;
const CALL_HEADERS = 6;
const CALL_BODY = 4;
const PAUSE = 1;

const cleanups: (() => unknown)[] = [];

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

interface Setup {
  app: Express;
  host: Host;
  plugin: Plugin;
  /** What the guest logged. */
  logs: string[];
  /** Warnings and errors. */
  problems: string[];
}

/** An app behind one filter; it echoes bodies, and tells `x-authz` of the request. */
async function setUp(
  code: Uint8Array | URL,
  upstreams: HostOptions['upstreams'],
  options: object = {},
): Promise<Setup> {
  const logs: string[] = [];
  const problems: string[] = [];
  const problem = (_fields: object, message: string) => problems.push(message);
  const host = createHost({
    ...(upstreams === undefined ? {} : { upstreams }),
    logger: {
      level: 'info',
      info: (_fields, message) => logs.push(message.replace(/^wasm log[^:]*: /, '')),
      warn: problem,
      error: problem,
    },
  });
  cleanups.push(() => host.close());
  const plugin = await host.createPlugin({ code, name: 'caller', ...options });
  const app = express();
  app.set('env', 'test');
  app.use(wasmFilter(plugin), express.text({ type: '*/*' }));
  app.use((req, res) => {
    const { body } = req as { body: unknown };
    res.set('x-authz', req.get('x-authz') ?? 'none');
    res.set('x-auth-user', req.get('x-auth-user') ?? 'none');
    res.send(typeof body === 'string' ? body : 'hello');
  });
  return { app, host, plugin, logs, problems };
}

async function upstream(listener: RequestListener): Promise<string> {
  const server = await listenOn(createServer(listener));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}`;
}

async function listenOn(server: Server): Promise<Server> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  cleanups.push(() => {
    server.closeAllConnections();
    server.close();
  });
  return server;
}

const call = (name: string, timeoutMs = 0): Operation => ({
  httpCall: { upstream: name, timeoutMs },
});

/** Where an exchange can wait, and how it goes on from there. */
const PHASES = {
  'request headers': { callback: 'proxy_on_request_headers', stream: REQUEST },
  'a request body': { callback: 'proxy_on_request_body', stream: REQUEST },
  'response headers': { callback: 'proxy_on_response_headers', stream: RESPONSE },
  'a response body': { callback: 'proxy_on_response_body', stream: RESPONSE },
} as const;
type Phase = keyof typeof PHASES;
const phases = Object.keys(PHASES) as Phase[];

/** Calls where the phase begins, and does the rest when the answer of call 4 is there. */
function pausing(phase: Phase, then: readonly Operation[], calls = [call('a')]): GuestScript {
  return {
    callbacks: {
      [PHASES[phase].callback]: [...calls, { return: PAUSE }],
      proxy_on_http_call_response: [
        { ofCall: [4, [{ logHeader: [CALL_HEADERS, ':status'] }, { asCaller: true }, ...then]] },
      ],
    },
  };
}

/** A body phase pauses with each piece, so call only once. */
const post = (app: Express) => request(app).post('/').type('text').send('body');

describe.each(phases)('while %s waits', (phase) => {
  const { stream } = PHASES[phase];

  it('a call is made, and the exchange goes on when it is answered', async () => {
    const code = await guest(pausing(phase, [{ continueStream: stream }]));
    const url = await upstream((_req, res) => setTimeout(() => res.writeHead(204).end(), 10));
    const { app, logs } = await setUp(code, { a: url });
    await post(app).expect(200, 'body');
    expect(logs).toEqual(['204']);
  });

  it('many are made at once, and answered in any order', async () => {
    const script = pausing(phase, [], [call('slow'), call('fast'), call('fast')]);
    const done: Operation[] = [{ log: 'last' }, { asCaller: true }, { continueStream: stream }];
    script.callbacks.proxy_on_http_call_response = [{ logCall: true }, { ofCall: [4, done] }];
    const { app, logs } = await setUp(await guest(script), {
      slow: async () => {
        await expect.poll(() => logs.length).toBe(2);
        return new Response();
      },
      fast: await upstream((_req, res) => res.end()),
    });
    await post(app).expect(200, 'body');
    const ids = logs.map((line) => line.split(' ')[0]);
    expect(ids.slice(0, 2).sort()).toEqual(['12', '8']);
    expect(ids.slice(2)).toEqual(['4', 'last']);
  });

  it('the callback can answer in the app’s place', async () => {
    const local: Operation = {
      localResponse: { status: 403, body: 'denied', headers: [['x-why', 'call']] },
    };
    const url = await upstream((_req, res) => res.writeHead(401).end());
    const { app, logs } = await setUp(await guest(pausing(phase, [local])), { a: url });
    await post(app).expect(403, 'denied').expect('x-why', 'call');
    expect(logs).toEqual(['401']);
  });

  it('and the service does not answer, the guest hears of the timeout', async () => {
    const script = pausing(phase, [{ continueStream: stream }], [call('a', 30)]);
    const url = await upstream(() => undefined);
    const { app, logs, problems } = await setUp(await guest(script), { a: url });
    await post(app).expect(200, 'body');
    expect(logs).toEqual(['504']);
    expect(problems).toEqual([expect.stringContaining('no answer within 30 ms')]);
  });

  it('and the connection is reset half-way, the guest hears of that', async () => {
    const script = pausing(phase, [{ continueStream: stream }]);
    const url = await upstream((_req, res) => res.write('half', () => res.destroy()));
    const { app, logs } = await setUp(await guest(script), { a: url });
    await post(app).expect(200, 'body');
    expect(logs).toEqual(['status 1']);
  });

  it('and the guest fails, the exchange does, and the call is cancelled', async () => {
    const script = pausing(phase, [], [call('never'), call('a')]);
    script.callbacks.proxy_on_http_call_response = [{ trap: true }];
    let aborted = 0;
    const never = (asked: Request): Promise<Response> =>
      new Promise(() => {
        asked.signal.addEventListener('abort', () => (aborted += 1));
      });
    const { app } = await setUp(await guest(script), { never, a: () => new Response() });
    await post(app).expect(503);
    expect(aborted).toBe(1);
  });
});

describe('what the callback may do', () => {
  it('is to change what is held: headers, and the body', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_headers: [call('a'), { return: PAUSE }],
        proxy_on_response_body: [call('a'), { return: PAUSE }],
        proxy_on_http_call_response: [
          { asCaller: true },
          {
            ofCall: [
              4,
              [
                { logBuffer: [CALL_BODY] },
                { add: [REQUEST_HEADERS, 'x-authz', 'yes'] },
                { continueStream: REQUEST },
              ],
            ],
          },
          { ofCall: [8, [{ setBuffer: [RESPONSE, 99, 0, '!'] }, { continueStream: RESPONSE }]] },
        ],
      },
    };
    const { app, logs } = await setUp(await guest(script), { a: () => new Response('allowed') });
    await request(app).get('/').expect(200, 'hello!').expect('x-authz', 'yes');
    expect(logs).toEqual(['allowed']);
  });

  it('is to call again, and so on', async () => {
    const next = (id: number): Operation => ({ ofCall: [id, [call('a')]] });
    const script = pausing('request headers', []);
    script.callbacks.proxy_on_http_call_response = [
      ...[4, 8, 12].map(next),
      { ofCall: [16, [{ effectiveContext: 2 }, { continueStream: REQUEST }]] },
    ];
    let asked = 0;
    const url = await upstream((_req, res) => {
      asked += 1;
      res.end();
    });
    const { app } = await setUp(await guest(script), { a: url });
    await request(app).get('/').expect(200);
    expect(asked).toBe(4);
  });

  it('a caller that is gone is still its stream’s: the answer goes to the plugin', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_request_headers: [call('a'), { return: PAUSE }],
        proxy_on_delete: [{ log: 'deleted' }],
        proxy_on_http_call_response: [
          { logContext: true },
          { asCaller: true },
          { logStatus: true },
          { continueStream: REQUEST },
          { localResponse: { status: 403 } },
        ],
      },
    };
    let answer: (() => void) | undefined;
    const url = await upstream((_req, res) => {
      answer = () => void res.end();
    });
    const { app, logs, problems } = await setUp(await guest(script), { a: url });
    const server = await listenOn(createServer(app as RequestListener));
    const { port } = server.address() as AddressInfo;
    const client = httpRequest({ port, path: '/' });
    client.on('error', () => undefined);
    client.end();
    await expect.poll(() => answer).toBeDefined();
    client.destroy();
    await expect.poll(() => logs).toEqual(['deleted']);
    answer?.();
    // 2: no context of that id any more.
    await expect.poll(() => logs.slice(1)).toEqual(['1', 'status 2']);
    expect(problems).toEqual([]);
  });

  it('a call to nobody is the guest’s to handle', async () => {
    const script: GuestScript = {
      callbacks: { proxy_on_request_headers: [call('nobody'), { logStatus: true }] },
    };
    const { app, logs } = await setUp(await guest(script), undefined);
    await request(app).get('/').expect(200, 'hello');
    expect(logs).toEqual(['status 2']);
  });

  it('a call in on_log is answered after the exchange is over', async () => {
    const script: GuestScript = {
      callbacks: {
        proxy_on_log: [call('a')],
        proxy_on_http_call_response: [{ logHeader: [CALL_HEADERS, ':status'] }],
      },
    };
    const { app, logs } = await setUp(await guest(script), { a: () => new Response() });
    await request(app).get('/').expect(200);
    await expect.poll(() => logs).toEqual(['200']);
  });

  it('a plugin that closes waits for its streams, and those for their calls', async () => {
    const code = await guest(pausing('request headers', [{ continueStream: REQUEST }]));
    let answer: ((response: Response) => void) | undefined;
    const { app, plugin } = await setUp(code, {
      a: () => new Promise<Response>((resolve) => (answer = resolve)),
    });
    const answered = request(app)
      .get('/')
      .then(({ status }) => status);
    await expect.poll(() => answer).toBeDefined();
    expect(plugin.streams).toBe(1);
    const closed = plugin.close();
    await new Promise((resolve) => setTimeout(resolve, 10));
    answer?.(new Response());
    expect(await answered).toBe(200);
    await closed;
  });
});

describe('ext-authz', () => {
  let code: URL;
  beforeAll(() => {
    code = new URL('../../../examples/filters/ext-authz/ext-authz.wasm', import.meta.url);
  });

  const configuration = { upstream: 'authz', headers: ['authorization'], timeoutMs: 10_000 };
  const seen: { url: string; method: string; headers: Record<string, unknown> }[] = [];

  /** Lets Bearer ann pass, sends others to a login, and hangs or breaks where it is told to. */
  const service: RequestListener = (req, res) => {
    seen.push({ url: req.url ?? '', method: req.method ?? '', headers: req.headers });
    const { authorization } = req.headers;
    if (authorization === 'hang') return;
    if (authorization === 'break') {
      res.write('half', () => res.destroy());
      return;
    }
    if (authorization?.startsWith('Bearer ') === true) {
      res.setHeader('x-auth-user', authorization.slice(7));
      res.writeHead(200, { 'x-other': '1', 'set-cookie': 'a=1' }).end('ignored');
      return;
    }
    const headers = { location: '/login', 'set-cookie': ['a=1', 'b=2'], 'x-secret': '1' };
    res.writeHead(302, headers).end('log in first');
  };

  it('lets pass what the service allows, and tells the app who it is', async () => {
    seen.length = 0;
    const { app, problems } = await setUp(
      code,
      { authz: await upstream(service) },
      { configuration },
    );
    await request(app)
      .post('/a?b=c')
      .set('authorization', 'Bearer ann')
      .set('x-auth-user', 'root')
      .set('cookie', 'secret=1')
      .type('text')
      .send('body')
      .expect(200, 'body')
      .expect('x-auth-user', 'ann');
    expect(seen).toMatchObject([{ url: '/a?b=c', method: 'POST' }]);
    // No cookie, which was not named, and no length but that of an empty body.
    expect(Object.keys(seen[0]?.headers ?? {}).sort()).toEqual([
      ...['authorization', 'connection', 'content-length', 'host'],
    ]);
    expect(problems).toEqual([]);
  });

  it('answers with what the service says otherwise', async () => {
    const { app } = await setUp(code, { authz: await upstream(service) }, { configuration });
    const reply = await request(app).get('/').set('x-auth-user', 'root');
    expect([reply.status, reply.text]).toEqual([302, 'log in first']);
    expect(reply.headers).toMatchObject({ location: '/login', 'set-cookie': ['a=1', 'b=2'] });
    expect(reply.headers).not.toHaveProperty('x-secret');
    expect(reply.headers).not.toHaveProperty('x-authz');
  });

  it.each([
    ['hangs', 'hang', 504, 200],
    ['breaks off', 'break', 503, 10_000],
  ])('lets nobody pass where the service %s', async (_what, authorization, status, timeoutMs) => {
    const options = { configuration: { ...configuration, timeoutMs } };
    const { app } = await setUp(code, { authz: await upstream(service) }, options);
    const reply = await request(app).get('/').set('authorization', authorization);
    expect(reply.status).toBe(status);
    expect(reply.text).not.toBe('hello');
  });

  it('lets nobody pass where there is no service', async () => {
    const refused = await setUp(code, { authz: 'http://127.0.0.1:1' }, { configuration });
    await request(refused.app)
      .get('/')
      .expect(503, /upstream connect error/);
    const unnamed = await setUp(code, {}, { configuration });
    await request(unnamed.app).get('/').expect(503, '503 Service Unavailable\n');
  });

  it('asks JavaScript as well', async () => {
    const authz = (asked: Request): Response =>
      new Response(null, { status: asked.headers.get('authorization') === 'me' ? 204 : 401 });
    const { app } = await setUp(code, { authz }, { configuration });
    await request(app).get('/').set('authorization', 'me').expect(200, 'hello');
    await request(app).get('/').expect(401);
  });

  it('keeps a thousand requests apart', async () => {
    const { app, plugin } = await setUp(
      code,
      { authz: await upstream(service) },
      { configuration },
    );
    const server = await listenOn(createServer(app as RequestListener));
    const names = Array.from({ length: 1000 }, (_, index) => `user${String(index)}`);
    for (let from = 0; from < names.length; from += 100) {
      const replies = names.slice(from, from + 100).map(async (name) => {
        const reply = await request(server).get('/').set('authorization', `Bearer ${name}`);
        return reply.headers['x-auth-user'];
      });
      expect(await Promise.all(replies)).toEqual(names.slice(from, from + 100));
    }
    await expect.poll(() => plugin.streams).toBe(0);
  });

  it('does not start with a configuration that it can not read', async () => {
    const host = createHost({ logger: { error: () => undefined } });
    cleanups.push(() => host.close());
    const starting = host.createPlugin({ code, configuration: { upstream: '' } });
    await expect(starting).rejects.toThrow(/configure/);
  });
});

it('response headers of the call are not those of the response', async () => {
  const script = pausing('response headers', [
    { logHeader: [RESPONSE_HEADERS, 'x-authz'] },
    { logHeader: [CALL_HEADERS, 'x-authz'] },
    { continueStream: RESPONSE },
  ]);
  const { app, logs } = await setUp(await guest(script), {
    a: () => new Response(null, { headers: { 'x-authz': 'call' } }),
  });
  await request(app).get('/').expect(200);
  expect(logs).toEqual(['200', 'none', 'call']);
});
