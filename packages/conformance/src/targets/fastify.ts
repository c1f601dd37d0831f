import Fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { wasmFilter } from '@proxy-wasm-node/fastify';

import { answerPlainly, readBody } from '../answer.js';
import type { Answer, FilterMiddleware, Handler, Middleware, Target } from '../behaviour.js';
import { listenOn } from './listen.js';

type Plugins = Parameters<NonNullable<Target['wasmFilter']>>[0];
type Options = Parameters<NonNullable<Target['wasmFilter']>>[1];

/** What Fastify's own plugin is registered with, by what stands for it among middlewares. */
const OF_FASTIFY = new WeakMap<Middleware, Registered>();

interface Registered {
  readonly plugins: Plugins;
  readonly options: Options;
  app?: FastifyInstance;
}

/** The adapter itself, registered at the root; middlewares stand in `onRequest` hooks. */
export const fastify5: Target = {
  name: 'fastify 5',
  wasmFilter(plugins, options): FilterMiddleware {
    const registered: Registered = { plugins, options };
    // The app has it ready, attaches it and closes it.
    const standIn = Object.assign(() => undefined, {
      ready: () => Promise.resolve(),
      attach: () => undefined,
      close: async () => registered.app?.close(),
    });
    OF_FASTIFY.set(standIn, registered);
    return standIn;
  },
  async start(middlewares, app) {
    const server = Fastify();
    for (const middleware of middlewares) await use(server, middleware);
    takeAnyBody(server);
    server.all('/*', (request, reply) => answer(app, request, reply));
    await server.ready();
    return listenOn(server.server);
  },
};

async function use(server: FastifyInstance, middleware: Middleware): Promise<void> {
  const own = OF_FASTIFY.get(middleware);
  if (own !== undefined) {
    own.app = server;
    const { isAttached: attach, ...options } = own.options;
    await server.register(wasmFilter, { ...options, attach, plugins: own.plugins });
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
