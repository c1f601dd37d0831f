import fastify from 'fastify';
import { wasmFilter } from '@proxy-wasm-node/fastify';

import { countBytes, greet, GREETING, largeBody, LATE_MS, SECRET } from './app.mjs';

/** @typedef {import('fastify').FastifyInstance} FastifyInstance */

/** @type {import('./app.mjs').OpenApp} */
export async function openFastify(plugins, onError) {
  const app = fastify();
  await app.register(wasmFilter, { plugins });
  app.setErrorHandler((error, request, reply) => {
    onError(error, request.raw);
    reply.hijack();
    reply.raw.destroy();
  });
  addRoutes(app);
  await app.listen({ host: '127.0.0.1', port: 0 });
  const { port } = /** @type {import('node:net').AddressInfo} */ (app.server.address());
  return { server: app.server, port, close: () => app.close() };
}

/** @param {FastifyInstance} app */
function addRoutes(app) {
  app.addContentTypeParser('application/octet-stream', (_request, payload, done) => {
    done(null, payload);
  });
  app.get('/', (_request, reply) => void reply.send(GREETING));
  app.get('/admin', (request, reply) => void reply.send(greet(request.headers['x-user'])));
  app.get('/secret', (_request, reply) => void reply.send(SECRET));
  app.post('/orders', (request, reply) => void reply.send(request.body));
  app.post('/upload', async (request) =>
    countBytes(/** @type {AsyncIterable<Buffer>} */ (request.body)),
  );
  app.get('/large', (_request, reply) => void reply.send(largeBody()));
  app.get('/late', (_request, reply) => {
    setTimeout(() => void reply.send(GREETING), LATE_MS);
  });
  app.get('/never', () => undefined);
}
