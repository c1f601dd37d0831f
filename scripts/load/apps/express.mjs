import { pipeline } from 'node:stream/promises';

import express from 'express';
import { wasmFilter } from '@proxy-wasm-node/express';

import { countBytes, greet, GREETING, largeBody, LATE_MS, listen, SECRET } from './app.mjs';

/** @type {import('./app.mjs').OpenApp} */
export async function openExpress(plugins, onError) {
  const app = express();
  const filter = wasmFilter(plugins);
  app.use(filter);
  app.use(express.json());
  addRoutes(app);
  /** @type {import('express').ErrorRequestHandler} */
  const fail = (error, req, res, _next) => {
    onError(error, req);
    return void res.destroy();
  };
  app.use(fail);
  return listen(app, filter);
}

/** @param {import('express').Express} app */
function addRoutes(app) {
  app.get('/', (_req, res) => void res.send(GREETING));
  app.get('/admin', (req, res) => void res.send(greet(req.headers['x-user'])));
  app.get('/secret', (_req, res) => void res.send(SECRET));
  app.post('/orders', (req, res) => void res.json(req.body));
  app.post('/upload', async (req, res) => void res.send(await countBytes(req)));
  app.get('/large', (_req, res) => pipeline(largeBody(), res));
  app.get('/late', (_req, res) => void setTimeout(() => res.send(GREETING), LATE_MS));
  app.get('/never', () => undefined);
}
