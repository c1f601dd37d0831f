import fastify from 'fastify';
import { wasmFilter } from '@proxy-wasm-node/fastify';

import { ANSWER } from '../exchange.mjs';
import { filterOf } from '../middleware.mjs';

/** @typedef {import('../framework.mjs').Framework} Framework */

/** @type {Framework} */
export const fastifyFive = {
  name: 'Fastify 5',
  goal: 0.9,
  async open(middleware) {
    const app = fastify();
    if (middleware === 'hand-written') {
      app.addHook('onRequest', addHeaders);
    } else if (middleware !== 'none') {
      const [plugins, options] = filterOf(middleware);
      await app.register(wasmFilter, { plugins, ...options });
    }
    app.get('/', (_request, reply) => {
      reply.send(ANSWER);
    });
    app.get('/seen', (request, reply) => {
      reply.send(request.headers);
    });
    await app.ready();
    return app.server;
  },
};

/** The hand-written one as a hook. @type {import('fastify').onRequestHookHandler} */
function addHeaders(request, reply, done) {
  const { headers } = request;
  headers['x-wasm-user'] = headers['x-user'] ?? 'anonymous';
  headers['x-wasm-filter'] = 'add-headers';
  reply.header('x-wasm', '1');
  done();
}
