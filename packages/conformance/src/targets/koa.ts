import type { RequestListener } from 'node:http';

import Koa from 'koa';
import Koa2 from 'koa2';
import { wasmFilter } from '@proxy-wasm-node/koa';

import { answerPlainly, readBody } from '../answer.js';
import type { Answer, FilterMiddleware, Handler, Middleware, Target } from '../behaviour.js';
import { listenHttp2 } from './listen-http2.js';
import { listen } from './listen.js';

/** Koa's own middlewares, by what stands for them among those of node:http. */
const OF_KOA = new WeakMap<Middleware, Koa.Middleware>();

export const koa3: Target = koaTarget('koa 3', Koa);
export const koa2: Target = koaTarget('koa 2', Koa2);
export const koa3Http2: Target = {
  ...koaTarget('koa 3, HTTP/2', Koa),
  protocol: 'h2',
  start: (middlewares, app) => listenHttp2(koaListener(Koa, middlewares, app)),
};

function koaTarget(name: string, create: typeof Koa): Target {
  return {
    name,
    wasmFilter(plugins, options): FilterMiddleware {
      const filter = wasmFilter(plugins, options);
      const { ready, close, attach } = filter;
      const standIn = Object.assign(() => undefined, { ready, close, attach });
      OF_KOA.set(standIn, filter);
      return standIn;
    },
    start: (middlewares, app) => listen(koaListener(create, middlewares, app)),
  };
}

function koaListener(
  create: typeof Koa,
  middlewares: readonly Middleware[],
  app: Answer | Handler,
): RequestListener {
  const server = new create();
  server.on('error', () => undefined);
  for (const middleware of middlewares) server.use(OF_KOA.get(middleware) ?? toKoa(middleware));
  server.use((ctx) => answer(app, ctx));
  const handle = server.callback();
  return (req, res) => void handle(req, res);
}

function toKoa(middleware: Middleware): Koa.Middleware {
  return (ctx, next) =>
    new Promise((resolve, reject) => {
      middleware(ctx.req, ctx.res, () => {
        next().then(resolve, reject);
      });
    });
}

/** In Koa's idiom where it has one. */
async function answer(app: Answer | Handler, ctx: Koa.Context): Promise<void> {
  const { req, res } = ctx;
  if (typeof app === 'function' || Array.isArray(app.body)) {
    ctx.respond = false;
    // Koa begins with 404.
    res.statusCode = 200;
    await (typeof app === 'function' ? app(req, res) : answerPlainly(app, req, res));
    return;
  }
  const read = app.echo === true || app.reads === true ? await readBody(req) : '';
  const body = app.echo === true ? read : (app.body as string | undefined);
  for (const [name, value] of Object.entries(app.headers ?? {})) ctx.set(name, value);
  ctx.body = body === undefined ? null : Buffer.from(body, 'latin1');
  ctx.status = app.status ?? 200;
}
