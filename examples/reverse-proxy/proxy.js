// A reverse proxy with proxy-wasm filters: they see and edit what goes to the app behind it, and
// what comes back.
import { createServer } from 'node:http';

import { createProxyServer } from 'httpxy';
import { wasmFilter } from '@proxy-wasm-node/core/node';

/** @param {string} name */
const code = (name) => new URL(`../filters/${name}/${name}.wasm`, import.meta.url);

/**
 * Requests run through the chain first to last, responses last to first.
 *
 * @param {import('@proxy-wasm-node/core').Logger} logger
 * @returns {import('@proxy-wasm-node/core').PluginOptions[]}
 */
const chain = (logger) => [
  // Rust: asks for credentials, and tells the app in x-user who came.
  {
    name: 'basic-auth',
    code: code('basic-auth'),
    configuration: { prefix: '/', realm: 'example', users: { alice: 'wonderland' } },
    logger,
  },
  // Go: holds the body until it is complete; the app only gets what is an order.
  {
    name: 'json-validation',
    code: code('json-validation'),
    configuration: { pathPrefix: '/orders', requiredKeys: ['id', 'item', 'quantity'] },
    logger,
  },
  // C++: logs and edits the response's headers.
  { name: 'headers', code: code('headers'), logger },
  // AssemblyScript: masks card numbers in what the app answers.
  { name: 'redact', code: code('redact'), logger },
];

/**
 * The proxy's server, not yet listening, and its filter: `filter.ready()` resolves when the plugins
 * run, `filter.close()` ends them.
 *
 * @param {string} target origin of the app
 * @param {{ logger?: import('@proxy-wasm-node/core').Logger }} [options]
 */
export function createProxy(target, { logger = console } = {}) {
  const proxy = createProxyServer({ target });
  const filter = wasmFilter(chain(logger));

  const server = createServer((req, res) => {
    filter(req, res, () => {
      proxy.web(req, res).catch(() => {
        if (res.headersSent) res.destroy();
        else res.writeHead(502).end('the app behind the proxy does not answer\n');
      });
    });
  });

  server.on('upgrade', (req, socket, head) => {
    proxy.ws(req, /** @type {import('node:net').Socket} */ (socket), { target }, head).catch(() => {
      socket.destroy();
    });
  });
  // WebSockets (and "Expect: 100-continue") pass the filters too: no middleware would see them.
  filter.attach(server);

  return { server, filter };
}
