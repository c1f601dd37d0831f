/** One chain, made once, in every kind of app at the same time. */
import { createServer, type RequestListener } from 'node:http';

import express from 'express';
import Fastify from 'fastify';
import Koa from 'koa';
import request from 'supertest';
import { expect, it } from 'vitest';
import { createHost } from '@proxy-wasm-node/core';
import { createPluginChain, wasmFilter } from '@proxy-wasm-node/core/node';
import { wasmFilter as expressFilter } from '@proxy-wasm-node/express';
import { wasmFilter as fastifyFilter } from '@proxy-wasm-node/fastify';
import { wasmFilter as koaFilter } from '@proxy-wasm-node/koa';

import { guest } from '../src/guests/wat-guest.js';

const RESPONSE_HEADERS = 2;

it('createPluginChain serves all adapters, and closes when its maker says so', async () => {
  const started: string[] = [];
  const log = (_fields: object, message: string): void => {
    if (message.endsWith('started')) started.push(message);
  };
  const host = createHost({ logger: { info: log, warn: log, error: log } });
  const plugins = await Promise.all(
    ['first', 'second'].map(async (name) => ({
      name,
      code: await guest({
        callbacks: {
          proxy_on_configure: [{ log: `${name} started` }],
          proxy_on_response_headers: [{ add: [RESPONSE_HEADERS, 'x-filter', name] }],
        },
      }),
    })),
  );
  const chain = createPluginChain(plugins, { host });
  await chain.ready();

  const plain = wasmFilter(chain);
  const ofExpress = expressFilter(chain);
  const ofKoa = koaFilter(chain);
  const fastify = Fastify();
  await fastify.register(fastifyFilter, { plugins: chain });
  fastify.get('/', async () => 'hello');
  fastify.get('/own', { config: { wasmFilter: { plugins: chain } } }, async () => 'hello');
  await fastify.ready();
  const onNode = createServer((req, res) => {
    plain(req, res, () => res.end('hello'));
  });
  const onExpress = express();
  onExpress.use(ofExpress);
  onExpress.get('/', (_req, res) => void res.send('hello'));
  const koa = new Koa();
  koa.use(ofKoa);
  koa.use((ctx) => {
    ctx.body = 'hello';
  });
  const onKoa = koa.callback() as RequestListener;

  for (const app of [onNode, onExpress, onKoa, fastify.server]) {
    await request(app).get('/').expect(200, 'hello').expect('x-filter', 'second, first');
  }
  await request(fastify.server).get('/own').expect('x-filter', 'second, first');
  expect(started).toHaveLength(2);

  await Promise.all([plain.close(), ofExpress.close(), fastify.close()]);
  await request(onKoa).get('/').expect(200, 'hello');
  await chain.close();
  await request(onKoa).get('/').expect(503);
  await host.close();
});
