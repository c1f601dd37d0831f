import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { wasmFilter } from '@proxy-wasm-node/fastify';

import { answerPlainly, readBody } from '../answer.js';
import type { Answer, FilterMiddleware, Handler, Middleware, Target } from '../behaviour.js';
import { listen } from './listen.js';

type Plugins = Parameters<NonNullable<Target['wasmFilter']>>[0];
type Options = Parameters<NonNullable<Target['wasmFilter']>>[1];

/** What Fastify's own plugin is registered with, by what stands for it among middlewares. */
const OF_FASTIFY = new WeakMap<Middleware, { plugins: Plugins; options: Options }>();

/** The adapter itself, registered at the root; middlewares stand in `onRequest` hooks. */
export const fastify5: Target = {
  name: 'fastify 5',
  wasmFilter(plugins, options): FilterMiddleware {
    const standIn = Object.assign(() => undefined, {
      ready: () => Promise.resolve(),
      close: () => Promise.resolve(),
    });
    OF_FASTIFY.set(standIn, { plugins, options });
    return standIn;
  },
  async start(middlewares, app) {
    const server = Fastify();
    for (const middleware of middlewares) await use(server, middleware);
    takeAnyBody(server);
    server.all('/*', (request, reply) => answer(app, request, reply));
    await server.ready();
    return listen(server.routing);
  },
};

async function use(server: FastifyInstance, middleware: Middleware): Promise<void> {
  const own = OF_FASTIFY.get(middleware);
  if (own !== undefined) {
    await server.register(wasmFilter, { ...own.options, plugins: own.plugins as never });
    return;
  }
  server.addHook('onRequest', (request, reply, next) => {
    middleware(request.raw, reply.raw, next as never);
  });
}

/** The rows say what of a body is read, and by whom. */
function takeAnyBody(server: FastifyInstance): void {
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => {
    done(null);
  });
}

/** In Fastify's idiom where it has one. */
async function answer(
  app: Answer | Handler,
  { raw: req }: FastifyRequest,
  reply: FastifyReply,
): Promise<unknown> {
  const { raw: res } = reply;
  if (typeof app === 'function' || Array.isArray(app.body)) {
    reply.hijack();
    await (typeof app === 'function' ? app(req, res) : answerPlainly(app, req, res));
    return reply;
  }
  const read = app.echo === true || app.reads === true ? await readBody(req) : '';
  const body = app.echo === true ? read : (app.body as string | undefined);
  for (const [name, value] of Object.entries(app.headers ?? {})) reply.header(name, value);
  reply.code(app.status ?? 200);
  return reply.send(body === undefined ? undefined : Buffer.from(body, 'latin1'));
}
