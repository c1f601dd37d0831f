import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pipeline, Readable } from 'node:stream';
import { gunzipSync } from 'node:zlib';

import compression from 'compression';
import express, { type Express } from 'express';
import express4 from 'express4';
import request from 'supertest';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { createHost, type Host } from '@proxy-wasm-node/core';
import { filterState, wasmFilter, type WasmFilter } from '@proxy-wasm-node/express';

import { pause } from '../src/answer.js';
import type { Reply } from '../src/behaviour.js';
import { Client } from '../src/client.js';
import type { Operation } from '../src/guests/operations.js';
import { guest, type GuestScript } from '../src/guests/wat-guest.js';
import { listen } from '../src/targets/listen.js';

const REQUEST_HEADERS = 0;
const RESPONSE_HEADERS = 2;
const REQUEST_BODY = 0;
const RESPONSE_BODY = 1;
const ALL = 0x7fffffff;

const toPath = (path: string): GuestScript => ({
  callbacks: { proxy_on_request_headers: [{ replace: [REQUEST_HEADERS, ':path', path] }] },
});
const seesBody: Operation = { logSizeAndEnd: true };
const appendToResponse: GuestScript = {
  callbacks: {
    proxy_on_response_headers: [{ add: [RESPONSE_HEADERS, 'x-filter', '1'] }],
    proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
  },
};
const appendToRequest = (text: string): GuestScript => ({
  callbacks: { proxy_on_request_body: [{ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, text] }] }] },
});

describe.each([
  ['express 5', express],
  ['express 4', express4],
])('%s', (_name, create) => {
  let host: Host;
  let app: Express;
  let logs: string[];
  const filters: WasmFilter[] = [];
  const folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-'));
  const big = 'big '.repeat(100_000);

  beforeAll(() => {
    writeFileSync(join(folder, 'small.txt'), 'a small file');
    writeFileSync(join(folder, 'big.txt'), big);
  });
  afterAll(() => {
    rmSync(folder, { recursive: true });
  });

  function start(): void {
    logs = [];
    host = createHost({
      logger: {
        level: 'info',
        info: (_fields, message) => logs.push(message.replace(/^wasm log[^:]*: /, '')),
        error: (_fields, message) => logs.push(`error ${message}`),
      },
    });
    app = create();
    // Express writes the errors that it answers to the console, but in tests.
    app.set('env', 'test');
  }

  async function filter(...scripts: GuestScript[]): Promise<WasmFilter> {
    const codes = await Promise.all(scripts.map(guest));
    const made = wasmFilter(
      codes.map((code) => ({ code, name: 'guest' })),
      { host },
    );
    filters.push(made);
    await made.ready();
    return made;
  }

  afterEach(async () => {
    await Promise.all(filters.splice(0).map((made) => made.close()));
    await host.close();
  });

  describe('paths', () => {
    it('match the new path after a filter changed it, and originalUrl stays', async () => {
      start();
      app.use(await filter(toPath('/new/7?b=2')));
      app.get('/old', (_req, res) => void res.send('old'));
      app.get(
        '/new/:id',
        (req, res) => void res.json([req.params.id, req.url, req.originalUrl, req.query]),
      );
      const { body } = await request(app).get('/old?a=1').expect(200);
      expect(body).toEqual(['7', '/new/7?b=2', '/old?a=1', { b: '2' }]);
    });

    it('keep a mounted filter in its mount', async () => {
      start();
      const logsPath: GuestScript = {
        callbacks: {
          proxy_on_request_headers: [
            { logHeader: [REQUEST_HEADERS, ':path'] },
            { replace: [REQUEST_HEADERS, ':path', '/api/inside?x=1'] },
          ],
        },
      };
      app.use('/api', await filter(logsPath));
      app.get('/api/inside', (req, res) => void res.json([req.url, req.originalUrl, req.query]));
      const { body } = await request(app).get('/api/a/b?c=d').expect(200);
      expect(logs).toEqual(['/api/a/b?c=d']);
      expect(body).toEqual(['/api/inside?x=1', '/api/a/b?c=d', { x: '1' }]);
      expect((await request(app).get('/api').expect(200)).body[0]).toBe('/api/inside?x=1');
    });

    it('outside the mount are taken as inside it', async () => {
      start();
      app.use('/api', await filter(toPath('/other')));
      app.get('/other', (_req, res) => void res.send('outside'));
      app.get('/api/other', (_req, res) => void res.send('inside'));
      await request(app).get('/api/a').expect(200, 'inside');
    });

    it('work inside a router, on a route, and for one behind another', async () => {
      start();
      const router = create.Router();
      router.use(await filter(toPath('/r/two')));
      router.get('/two', (req, res) => void res.send(`two ${req.url}`));
      app.use('/r', router);
      const add: GuestScript = {
        callbacks: { proxy_on_request_headers: [{ add: [REQUEST_HEADERS, 'x-a', '1'] }] },
      };
      app.get('/route/:id', await filter(add), (req, res) => {
        res.send(`${req.params['id']} ${req.get('x-a') ?? ''}`);
      });
      app.get('/plain', (req, res) => void res.send(req.get('x-a') ?? 'none'));
      await request(app).get('/r/one').expect(200, 'two /two');
      await request(app).get('/route/9').expect(200, '9 1');
      await request(app).get('/plain').expect(200, 'none');
    });
  });

  describe('bodies of requests', () => {
    it('are parsed as the filter left them', async () => {
      start();
      app.use(await filter(appendToRequest('}')));
      app.use(create.json(), create.urlencoded({ extended: false }), create.text());
      app.post(
        '/',
        (req, res) => void res.json({ got: req.body, length: req.get('content-length') }),
      );
      const json = request(app).post('/').set('content-type', 'application/json');
      await json.send('{"a":1').expect(200, { got: { a: 1 }, length: '7' });
      const form = request(app).post('/').type('form');
      await form.send('a=1').expect(200, { got: { a: '1}' }, length: '4' });
    });

    it('of unknown length are parsed too', async () => {
      start();
      app.use(await filter(appendToRequest(']')));
      app.use(create.json({ limit: '1mb' }));
      app.post('/', (req, res) => void res.json({ length: (req.body as number[]).length }));
      const long = `[${'1,'.repeat(50_000)}1`;
      await request(app).post('/').type('json').send(long).expect(200, { length: 50_001 });
      expect(await sendChunked(app, '[1,2')).toMatchObject({ status: 200, body: '{"length":2}' });
    });

    it('that a filter refuses while a parser waits leave nothing behind', async () => {
      start();
      const deny: GuestScript = {
        callbacks: {
          proxy_on_request_body: [
            { beforeEnd: [{ return: 1 }] },
            { localResponse: { status: 403, body: 'denied' } },
          ],
        },
      };
      const failed = vi.fn();
      app.use(await filter(deny), create.json());
      app.post('/', (_req, res) => void res.send('never'));
      app.use((error: unknown, _req: unknown, _res: unknown, next: (error: unknown) => void) => {
        failed(error);
        next(error);
      });
      expect(await sendChunked(app, '{"a":1}')).toMatchObject({ status: 403, body: 'denied' });
      await request(app).post('/').type('json').send('{}').expect(403, 'denied');
      await pause(20);
      expect(failed).not.toHaveBeenCalled();
    });

    it('behind a body parser are refused', async () => {
      start();
      const script: GuestScript = { callbacks: { proxy_on_request_body: [seesBody] } };
      app.use(create.json(), await filter(script));
      app.post('/', (_req, res) => void res.send('ok'));
      await request(app).post('/').send({ a: 1 }).expect(503);
      expect(logs.join()).toMatch(/read before the filter/);
    });
  });

  describe('answers', () => {
    it('of send, json, redirect, status and errors pass the filter', async () => {
      start();
      app.use(await filter(appendToResponse));
      app.get('/send', (_req, res) => void res.send('hello'));
      app.get('/json', (_req, res) => void res.json('hello'));
      app.get('/redirect', (_req, res) => {
        res.redirect('/send');
      });
      app.get('/status', (_req, res) => void res.sendStatus(204));
      app.get('/error', () => {
        throw new Error('boom');
      });
      await request(app)
        .get('/send')
        .expect(200, 'hello!')
        .expect('content-length', '6')
        .expect('x-filter', '1');
      const json = await request(app).get('/json').buffer().parse(asText);
      expect(json.body).toBe('"hello"!');
      await request(app).get('/redirect').expect(302).expect('location', '/send').expect(/!$/);
      await request(app).get('/status').expect(204, '').expect('x-filter', '1');
      await request(app).get('/error').expect(500).expect('x-filter', '1').expect(/!$/);
      await request(app).get('/missing').expect(404).expect('x-filter', '1');
      await request(app).head('/send').expect(200).expect('content-length', '5');
    });

    it('that are fresh are 304, with no body', async () => {
      start();
      app.use(await filter(appendToResponse));
      app.get('/', (_req, res) => void res.send('hello'));
      const { headers } = await request(app).get('/');
      await request(app)
        .get('/')
        .set('if-none-match', headers['etag'] as string)
        .expect(304, '');
    });

    it('of sendFile and static pass, short ones with their length, ranges too', async () => {
      start();
      app.use(await filter(appendToResponse));
      app.get('/small', (_req, res) => {
        res.sendFile(join(folder, 'small.txt'));
      });
      app.use('/files', create.static(folder));
      await request(app).get('/small').expect(200, 'a small file!').expect('content-length', '13');
      const whole = await request(app).get('/files/big.txt').expect(200);
      expect(whole.text).toBe(`${big}!`);
      expect(whole.headers['content-length']).toBeUndefined();
      const range = await request(app)
        .get('/files/small.txt')
        .set('range', 'bytes=2-6')
        .expect(206);
      expect(range.text).toBe('small!');
    });

    it('that are piped pass with backpressure', async () => {
      start();
      app.use(await filter(appendToResponse));
      app.get('/', (_req, res) => {
        pipeline(Readable.from(pieces(200, 10_000)), res, () => undefined);
      });
      const { text } = await request(app).get('/').expect(200);
      expect(text.length).toBe(200 * 10_000 + 1);
    });

    it('of GET turned into HEAD are whole', async () => {
      start();
      const script: GuestScript = {
        callbacks: {
          proxy_on_request_headers: [{ replace: [REQUEST_HEADERS, ':method', 'HEAD'] }],
        },
      };
      app.use(await filter(script));
      app.get('/', (_req, res) => void res.send('hello'));
      await request(app).get('/').expect(200, '').expect('content-length', '0');
    });
  });

  describe('compression', () => {
    it('behind the filter: the filter sees compressed bytes', async () => {
      start();
      const script: GuestScript = {
        callbacks: {
          proxy_on_response_headers: [{ logHeader: [RESPONSE_HEADERS, 'content-encoding'] }],
          proxy_on_response_body: [{ return: 0 }],
        },
      };
      app.use(await filter(script), compression({ threshold: 0 }));
      app.get('/', (_req, res) => void res.type('text').send(big));
      await request(app).get('/').set('accept-encoding', 'gzip').expect(200, big);
      expect(logs).toEqual(['gzip']);
    });

    it('in front of the filter: what the filter made is compressed', async () => {
      start();
      app.use(compression({ threshold: 0 }), await filter(appendToResponse));
      app.get('/', (_req, res) => void res.type('text').send(big));
      app.get('/small', (_req, res) => void res.type('text').send('hello'));
      app.get('/file', (_req, res) => {
        res.sendFile(join(folder, 'big.txt'));
      });
      for (const [path, text] of [
        ['/', `${big}!`],
        ['/small', 'hello!'],
        ['/file', `${big}!`],
      ] as const) {
        const reply = await request(app)
          .get(path)
          .set('accept-encoding', 'gzip')
          .buffer()
          .parse(asBytes);
        expect(reply.headers['content-encoding'] ?? 'none', path).toBe('gzip');
        expect(gunzipOrSame(reply.body as Buffer)).toBe(text);
      }
      await request(app).get('/small').set('accept-encoding', 'identity').expect(200, 'hello!');
    });
  });

  it('shows handlers what filters stored', async () => {
    start();
    const script: GuestScript = {
      callbacks: { proxy_on_request_headers: [{ setProperty: ['user', 'ann'] }] },
    };
    app.get('/none', (req, res) => void res.json(filterState(req).size));
    app.use(await filter(script));
    app.get(
      '/',
      (req, res) => void res.send(Buffer.from(filterState(req).get('user') ?? []).toString()),
    );
    await request(app).get('/').expect(200, 'ann');
    await request(app).get('/none').expect(200, '0');
  });

  it('holds requests until the plugins have started', async () => {
    start();
    const code = await guest(appendToRequest('!'));
    const made = wasmFilter({ code, name: 'guest' }, { host });
    filters.push(made);
    app.use(made, create.text());
    app.post('/', (req, res) => void res.send(req.body));
    await request(app).post('/').type('text').send('early').expect(200, 'early!');
  });
});

async function sendChunked(app: Express, text: string): Promise<Reply> {
  const server = await listen(app);
  const client = new Client(server.port);
  const headers = { 'content-type': 'application/json' };
  const reply = await client.send({ headers, body: [text] });
  // Nor does anything come of it later.
  await pause(20);
  client.close();
  await server.close();
  return reply;
}

async function* pieces(count: number, length: number): AsyncGenerator<string> {
  for (let index = 0; index < count; index += 1) yield 'x'.repeat(length);
}

type Parser = (error: Error | null, body: unknown) => void;

function asBytes(response: unknown, done: Parser): void {
  const stream = response as NodeJS.ReadableStream;
  const chunks: Buffer[] = [];
  stream.on('data', (chunk: Buffer | string) =>
    chunks.push(Buffer.from(chunk as string, 'latin1')),
  );
  stream.on('end', () => {
    done(null, Buffer.concat(chunks));
  });
}

function asText(response: unknown, done: Parser): void {
  asBytes(response, (error, body) => {
    done(error, String(body));
  });
}

/** supertest has undone the compression already where it could. */
function gunzipOrSame(bytes: Buffer): string {
  return (bytes[0] === 0x1f ? gunzipSync(bytes) : bytes).toString();
}
