import { setTimeout as delay } from 'node:timers/promises';

import Koa from 'koa';
import { wasmFilter } from '@proxy-wasm-node/koa';

import {
  countBytes,
  greet,
  GREETING,
  largeBody,
  LATE_MS,
  listen,
  readJson,
  SECRET,
} from './app.mjs';

/** @type {import('./app.mjs').OpenApp} */
export async function openKoa(plugins, onError) {
  const app = new Koa();
  app.on('error', (error, ctx) => onError(error, ctx.req));
  const filter = wasmFilter(plugins);
  app.use(filter);
  app.use(async (ctx) => {
    ctx.body = await ROUTES[ctx.path]?.(ctx);
  });
  const handle = app.callback();
  return listen((req, res) => void handle(req, res), filter);
}

/** The bodies that are answered. @type {Record<string, (ctx: Koa.Context) => unknown>} */
const ROUTES = {
  '/': () => GREETING,
  '/admin': (ctx) => greet(ctx.headers['x-user']),
  '/secret': () => SECRET,
  '/orders': (ctx) => readJson(ctx.req),
  '/upload': (ctx) => countBytes(ctx.req),
  '/large': () => largeBody(),
  '/late': () => delay(LATE_MS, GREETING),
  '/never': () => new Promise(() => undefined),
};
