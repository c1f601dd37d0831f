// A Koa app behind five proxy-wasm filters, written in four languages.
import Router from '@koa/router';
import Koa from 'koa';
import { koaBody } from 'koa-body';
import { wasmFilter } from '@proxy-wasm-node/koa';

/** @param {string} name */
const filter = (name) => new URL(`../filters/${name}/${name}.wasm`, import.meta.url);

/**
 * Requests run through the chain first to last, responses last to first.
 *
 * @param {import('@proxy-wasm-node/core').Logger} logger
 * @returns {import('@proxy-wasm-node/core').PluginOptions[]}
 */
const chain = (logger) => [
  // Go: logs every request header, and the bodies' sizes.
  { name: 'hello', code: filter('hello'), logger },
  // Rust: asks for credentials below a path, and tells the app who came.
  {
    name: 'basic-auth',
    code: filter('basic-auth'),
    configuration: { prefix: '/admin', realm: 'example', users: { alice: 'wonderland' } },
    logger,
  },
  // Go: holds the body until it is complete, and refuses what is not an order.
  {
    name: 'json-validation',
    code: filter('json-validation'),
    configuration: { pathPrefix: '/orders', requiredKeys: ['id', 'item', 'quantity'] },
    logger,
  },
  // C++: logs and edits the response's headers.
  { name: 'headers', code: filter('headers'), logger },
  // AssemblyScript: masks card numbers in response bodies, wherever the chunks begin and end.
  { name: 'redact', code: filter('redact'), logger },
];

/**
 * The app, and its filter: `filter.ready()` resolves when the plugins run, `filter.close()` ends
 * them.
 *
 * @param {{ logger?: import('@proxy-wasm-node/core').Logger }} [options]
 */
export function createApp({ logger = console } = {}) {
  const app = new Koa();
  const filter = wasmFilter(chain(logger));
  app.use(filter);
  app.use(koaBody());

  const router = new Router();
  router.get('/', (ctx) => {
    ctx.body = 'hello world\n';
  });
  router.get('/admin', (ctx) => {
    ctx.body = `hello ${ctx.get('x-user')}\n`;
  });
  router.post('/orders', (ctx) => {
    ctx.body = ctx.request.body;
  });
  router.get('/secret', (ctx) => {
    ctx.body = 'card 4111-1111-1111-1111\n';
  });
  app.use(router.routes());
  return { app, filter };
}
