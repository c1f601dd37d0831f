import { get, type IncomingMessage } from 'node:http';
import { buffer } from 'node:stream/consumers';
import { gunzipSync } from 'node:zlib';

import compress from 'koa-compress';
import { afterEach, describe, expect, it } from 'vitest';

import { filterOf, KOAS, logs, serve, stopAll, type Callbacks } from './support/koa-server.js';

const REQUEST = 0;
const RESPONSE = 2;
const TEXT = 'compress me '.repeat(1000);

const looks: Callbacks = {
  proxy_on_response_headers: [{ logHeader: [RESPONSE, 'content-encoding'] }],
  proxy_on_response_body: [],
};
const readsPlain: Callbacks = {
  ...looks,
  proxy_on_request_headers: [{ remove: [REQUEST, 'accept-encoding'] }],
};
const refuses: Callbacks = {
  proxy_on_request_headers: [{ localResponse: { status: 403, body: TEXT } }],
};

afterEach(stopAll);

describe.each(KOAS)('%s', (_name, Koa) => {
  describe.each(['in front of', 'behind'])('koa-compress %s the filter', (place) => {
    async function app(callbacks: Callbacks) {
      const koa = new Koa();
      const filter = await filterOf(callbacks);
      const compression = compress({ br: false });
      for (const each of place === 'behind' ? [filter, compression] : [compression, filter]) {
        koa.use(each);
      }
      koa.use((ctx) => {
        ctx.body = TEXT;
      });
      return serve(koa);
    }

    async function fetchRaw(port: number) {
      const headers = { 'accept-encoding': 'gzip' };
      const response = await new Promise<IncomingMessage>((resolve, reject) => {
        get({ port, headers }, resolve).on('error', reject);
      });
      return { response, body: await buffer(response) };
    }

    it('compresses what the filter then sees', async () => {
      const { port } = await app(looks);
      const { response, body } = await fetchRaw(port);
      expect(response.headers['content-encoding']).toBe('gzip');
      expect(gunzipSync(body).toString()).toBe(TEXT);
      expect(logs).toEqual(['gzip']);
    });

    it('leaves alone what a filter wants to read', async () => {
      const { port } = await app(readsPlain);
      const { response, body } = await fetchRaw(port);
      expect(response.headers['content-encoding']).toBeUndefined();
      expect(body.toString()).toBe(TEXT);
      expect(logs).toEqual(['status 1']);
    });

    it('leaves alone what a filter answers', async () => {
      const { port } = await app(refuses);
      const { response, body } = await fetchRaw(port);
      expect(response.statusCode).toBe(403);
      expect(response.headers['content-encoding']).toBeUndefined();
      expect(body.toString()).toBe(TEXT);
    });
  });
});
