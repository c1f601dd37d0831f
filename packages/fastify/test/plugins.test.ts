/** Fastify's own plugins beside filters. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, get, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

import compress from '@fastify/compress';
import httpProxy from '@fastify/http-proxy';
import files from '@fastify/static';
import type { FastifyInstance } from 'fastify';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

import { wasmFilter } from '../src/index.js';
import {
  atEnd,
  createApp,
  filterOf,
  logs,
  portOf,
  send,
  stopAll,
  type Callbacks,
} from './support/fastify-app.js';

const REQUEST = 0;
const RESPONSE = 2;
const REQUEST_BODY = 0;
const RESPONSE_BODY = 1;
const ALL = 0x7fffffff;
const TEXT = 'compress me '.repeat(1000);
const appends: Callbacks = {
  proxy_on_response_headers: [
    { logHeader: [RESPONSE, 'content-encoding'] },
    { add: [RESPONSE, 'x-mark', 'seen'] },
  ],
  proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
};
const NONE = 'status 1';

afterEach(stopAll);

describe('@fastify/compress', () => {
  async function fetchRaw(app: FastifyInstance, path: string) {
    if (!app.server.listening) await app.listen({ port: 0, host: '127.0.0.1' });
    const options = { port: portOf(app), path, headers: { 'accept-encoding': 'gzip' } };
    const response = await new Promise<IncomingMessage>((resolve, reject) => {
      get(options, resolve).on('error', reject);
    });
    return { response, body: await buffer(response) };
  }

  describe.each(['before', 'after'])('registered %s the filter', (place) => {
    async function appWith(callbacks: Callbacks): Promise<FastifyInstance> {
      const { app } = createApp();
      if (place === 'before') await app.register(compress, { encodings: ['gzip'] });
      await app.register(wasmFilter, await filterOf(callbacks));
      if (place === 'after') await app.register(compress, { encodings: ['gzip'] });
      app.get('/', async (_request, reply) => reply.type('text/plain').send(TEXT));
      return app;
    }

    it('compresses what the filter then sees', async () => {
      const app = await appWith({
        proxy_on_response_headers: [{ logHeader: [RESPONSE, 'content-encoding'] }],
        proxy_on_response_body: [],
      });
      for (let turn = 0; turn < 2; turn += 1) {
        const { response, body } = await fetchRaw(app, '/');
        expect(response.headers['content-encoding']).toBe('gzip');
        expect(gunzipSync(body).toString()).toBe(TEXT);
      }
      expect(logs).toEqual(['gzip', 'gzip']);
    });

    it('leaves alone what a filter wants to read', async () => {
      const app = await appWith({
        ...appends,
        proxy_on_request_headers: [{ remove: [REQUEST, 'accept-encoding'] }],
      });
      const { response, body } = await fetchRaw(app, '/');
      expect(response.headers['content-encoding']).toBeUndefined();
      expect(body.toString()).toBe(`${TEXT}!`);
      expect(logs).toEqual([NONE]);
    });

    it('compresses what a filter answers, which passes onSend', async () => {
      const app = await appWith({
        proxy_on_request_headers: [{ localResponse: { status: 403, body: TEXT } }],
      });
      const { response, body } = await fetchRaw(app, '/');
      expect(response).toMatchObject({ statusCode: 403, headers: { 'content-encoding': 'gzip' } });
      expect(gunzipSync(body).toString()).toBe(TEXT);
    });
  });
});

describe('@fastify/static', () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'filtered-files-'));
    writeFileSync(join(folder, 'small.txt'), 'a small file');
    writeFileSync(join(folder, 'large.txt'), 'x'.repeat(300_000));
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
  });

  async function appWith(callbacks: Callbacks): Promise<FastifyInstance> {
    const { app } = createApp();
    await app.register(wasmFilter, await filterOf(callbacks));
    await app.register(files, { root: folder });
    return app;
  }

  it('has its files pass the filter, with their exact length or chunked', async () => {
    const app = await appWith(appends);
    const small = await send(app, { path: '/small.txt' });
    expect(small).toMatchObject({
      status: 200,
      body: 'a small file!',
      headers: { 'content-length': '13', 'x-mark': 'seen' },
    });
    const large = await send(app, { path: '/large.txt' });
    expect(large.body.length).toBe(300_001);
    expect(large.headers['content-length']).toBeUndefined();
    expect(await send(app, { path: '/none.txt' })).toMatchObject({
      status: 404,
      headers: { 'x-mark': 'seen' },
    });
  });

  it('answers for a part, to HEAD, and where nothing has changed', async () => {
    const app = await appWith({
      proxy_on_response_headers: [{ add: [RESPONSE, 'x-mark', 'seen'] }],
      proxy_on_response_body: [],
    });
    const part = await send(app, { path: '/small.txt', headers: { range: 'bytes=2-6' } });
    expect(part).toMatchObject({
      status: 206,
      body: 'small',
      headers: { 'content-range': 'bytes 2-6/12', 'content-length': '5', 'x-mark': 'seen' },
    });
    const head = await send(app, { method: 'HEAD', path: '/small.txt' });
    expect(head).toMatchObject({ status: 200, body: '', headers: { 'content-length': '12' } });
    const { etag } = head.headers as { etag: string };
    const same = await send(app, { path: '/small.txt', headers: { 'if-none-match': etag } });
    expect(same).toMatchObject({ status: 304, body: '', headers: { 'x-mark': 'seen' } });
  });
});

describe('@fastify/http-proxy', () => {
  interface Got {
    url: string | undefined;
    headers: IncomingMessage['headers'];
    body: string;
  }

  async function upstream(): Promise<{ port: number; got: Got[] }> {
    const got: Got[] = [];
    const server = createServer((req, res) => {
      void buffer(req).then((body) => {
        got.push({ url: req.url, headers: req.headers, body: body.toString() });
        res.setHeader('x-upstream', '1');
        res.end(`upstream got ${body.toString()}`);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    atEnd(async () => {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    });
    return { port: (server.address() as AddressInfo).port, got };
  }

  it.each([
    ['a body of known length', 'order'],
    ['a body in chunks', ['or', 'der']],
    ['no body', undefined],
  ])('with %s the filter edits what goes to the upstream and what comes back', async (_n, body) => {
    const { port, got } = await upstream();
    const { app } = createApp();
    const filter = await filterOf({
      ...appends,
      proxy_on_request_headers: [{ add: [REQUEST, 'x-user', 'ann'] }],
      proxy_on_request_body: [{ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, '?'] }] }],
    });
    await app.register(wasmFilter, filter);
    await app.register(httpProxy, {
      upstream: `http://127.0.0.1:${String(port)}`,
      prefix: '/api',
      http: {},
    });
    const sent = body === undefined ? '' : 'order?';
    const spec = { path: '/api/orders', ...(body === undefined ? {} : { body }) };
    for (const reply of [await send(app, spec), await send(app, spec)]) {
      expect(reply).toMatchObject({
        status: 200,
        body: `upstream got ${sent}!`,
        headers: { 'x-upstream': '1', 'x-mark': 'seen' },
      });
    }
    expect(got).toHaveLength(2);
    for (const one of got) {
      expect(one).toMatchObject({ url: '/orders', body: sent, headers: { 'x-user': 'ann' } });
    }
  });

  it('is never reached by what a filter refuses', async () => {
    const { port, got } = await upstream();
    const { app } = createApp();
    await app.register(
      wasmFilter,
      await filterOf({
        proxy_on_request_body: [
          { beforeEnd: [{ return: 1 }] },
          { localResponse: { status: 403, body: 'no' } },
        ],
      }),
    );
    await app.register(httpProxy, { upstream: `http://127.0.0.1:${String(port)}`, http: {} });
    expect(await send(app, { body: 'order' })).toMatchObject({ status: 403, body: 'no' });
    expect(await send(app, {})).toMatchObject({ status: 200 });
    expect(got).toMatchObject([{ body: '' }]);
  });
});
