/** Express, whose every request waits for a call to a service: made by a handler, or by a filter. */
import { createServer } from 'node:http';

import express from 'express';
import { Pool } from 'undici';
import { createHost } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/express';

import { readArgument, serve } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { ANSWER } from '../http/exchange.mjs';
import { quietLogger } from '../stream/host-side.mjs';

/** @typedef {{ side: 'handler' | 'filter', upstream: string }} CallingJob */

/** @type {CallingJob} */
const { side, upstream } = readArgument();
const app = express();
app.use(side === 'filter' ? await callingFilter() : callingHandler());
app.get('/', (_req, res) => {
  res.json(ANSWER);
});
app.get('/seen', (req, res) => {
  res.json(req.headers);
});
serve(createServer(app));

async function callingFilter() {
  const host = createHost({ logger: quietLogger, upstreams: { authz: upstream } });
  const configuration = { upstream: 'authz', headers: ['authorization', 'cookie'] };
  const filter = wasmFilter({ code: filterPath('ext-authz'), configuration }, { host });
  await filter.ready();
  return filter;
}

/** What the filter does, as one would write it in JavaScript. @returns {import('express').RequestHandler} */
function callingHandler() {
  const pool = new Pool(upstream, { connections: 128, headersTimeout: 1000, bodyTimeout: 1000 });
  return async (req, res, next) => {
    for (const name of Object.keys(req.headers)) {
      if (name.startsWith('x-auth-')) delete req.headers[name];
    }
    const { authorization, cookie, host } = req.headers;
    /** @type {Record<string, string>} */
    const headers = { host: host ?? '' };
    if (authorization !== undefined) headers['authorization'] = authorization;
    if (cookie !== undefined) headers['cookie'] = cookie;
    const answer = await pool.request({
      method: /** @type {'GET'} */ (req.method),
      path: req.url,
      headers,
    });
    const body = Buffer.from(await answer.body.arrayBuffer());
    if (answer.statusCode >= 300) {
      res.status(answer.statusCode).send(body);
      return;
    }
    for (const [name, value] of Object.entries(answer.headers)) {
      if (name.startsWith('x-auth-')) req.headers[name] = String(value);
    }
    next();
  };
}
