// A Fastify app behind five proxy-wasm filters, written in four languages.
import Fastify from 'fastify';
import { wasmFilter } from '@proxy-wasm-node/fastify';

/** @param {string} name */
const filter = (name) => new URL(`../filters/${name}/${name}.wasm`, import.meta.url);

/**
 * Requests run through the chain first to last, responses last to first. What the filters log goes
 * to the app's own logger.
 *
 * @type {import('@proxy-wasm-node/core').PluginOptions[]}
 */
const plugins = [
  { name: 'hello', code: filter('hello') },
  {
    name: 'basic-auth',
    code: filter('basic-auth'),
    configuration: { prefix: '/admin', realm: 'example', users: { alice: 'wonderland' } },
  },
  {
    name: 'json-validation',
    code: filter('json-validation'),
    configuration: { pathPrefix: '/orders', requiredKeys: ['id', 'item', 'quantity'] },
  },
  { name: 'headers', code: filter('headers') },
  { name: 'redact', code: filter('redact') },
];

/**
 * The app; `app.ready()` waits for the filters, `app.close()` ends them.
 *
 * @param {import('fastify').FastifyServerOptions} [options]
 */
export async function createApp(options = { logger: true }) {
  const app = Fastify(options);
  await app.register(wasmFilter, { plugins });

  app.get('/', async () => 'hello world\n');
  app.get('/admin', async (request) => `hello ${String(request.headers['x-user'])}\n`);
  app.post('/orders', async (request) => request.body);
  app.get('/secret', async () => 'card 4111-1111-1111-1111\n');
  // A route that no filter sees.
  app.get('/health', { config: { wasmFilter: false } }, async () => 'ok\n');
  return app;
}
