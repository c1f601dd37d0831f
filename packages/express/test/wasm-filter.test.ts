import { once } from 'node:events';
import type { AddressInfo } from 'node:net';

import express from 'express';
import { expect, it } from 'vitest';
import { createHost } from '@proxy-wasm-node/core';
import * as adapter from '@proxy-wasm-node/express';

const ADD_HEADERS = new URL(
  '../../../examples/filters/add-headers/add-headers.wasm',
  import.meta.url,
);

it('exports the filter and what it leaves for handlers', () => {
  expect(Object.keys(adapter).sort()).toEqual(['filterState', 'wasmFilter']);
});

it('runs a filter in an app, and closes what it made', async () => {
  const host = createHost();
  const filter = adapter.wasmFilter({ code: ADD_HEADERS }, { host });
  const app = express();
  app.use(filter);
  app.get('/', (req, res) => void res.send(req.get('x-wasm-user')));
  const server = app.listen(0);
  await Promise.all([once(server, 'listening'), filter.ready()]);
  const { port } = server.address() as AddressInfo;
  const reply = await fetch(`http://127.0.0.1:${String(port)}/`, { headers: { 'x-user': 'ann' } });
  expect(await reply.text()).toBe('ann');
  expect(reply.headers.get('x-wasm')).toBe('1');
  await filter.close();
  expect(host.health().plugins).toEqual([]);
  expect((await fetch(`http://127.0.0.1:${String(port)}/`)).status).toBe(503);
  server.close();
  server.closeAllConnections();
});

it('refuses what is no plugin', () => {
  expect(() => adapter.wasmFilter('./a.wasm' as never)).toThrow(/options of plugins/);
});
