// An Express app whose filters do more than edit headers: they count, limit, ask and share.
import express from 'express';
import { createHost } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/express';

/** @param {string} name */
const filter = (name) => new URL(`../filters/${name}/${name}.wasm`, import.meta.url);

/** The vm id that producer and consumer of the queue, and the app, know it by. */
const TOTALS = 'totals';

/**
 * Requests run through the chain first to last, responses last to first.
 *
 * @returns {import('@proxy-wasm-node/core').PluginOptions[]}
 */
const chain = () => [
  // C++: counts responses by the class of their status.
  { name: 'status-counter', code: filter('status-counter') },
  // AssemblyScript: a histogram of responses' sizes.
  { name: 'response-size', code: filter('response-size') },
  // Rust: a histogram of how long requests take, the refused ones too.
  { name: 'latency-histogram', code: filter('latency-histogram') },
  // Go: a counter of all requests, and of those of some tenants.
  {
    name: 'request-counter',
    code: filter('request-counter'),
    configuration: { header: 'x-tenant', values: ['blue', 'green'] },
  },
  // Rust: puts "METHOD path" on a queue, where another plugin takes it from.
  {
    name: 'queue-producer',
    code: filter('queue-producer'),
    configuration: { queue: 'requests', vmId: TOTALS },
  },
  // Rust: asks the upstream "rules" every second what is to be done with requests.
  {
    name: 'config-refresher',
    code: filter('config-refresher'),
    configuration: { upstream: 'rules', intervalMs: 1000 },
  },
  // Go: counts each client's requests in shared data.
  {
    name: 'rate-limit',
    code: filter('rate-limit'),
    configuration: { limit: 5, windowSeconds: 10, header: 'x-api-key' },
  },
];

/**
 * Three filters that ask a service who is asking, while the request waits: each for a part of the app.
 */
const authorization = {
  // Rust, by HTTP.
  account: {
    name: 'ext-authz',
    code: filter('ext-authz'),
    configuration: { upstream: 'users', headers: ['authorization'], timeoutMs: 5000 },
  },
  // Go, by HTTP.
  reports: {
    name: 'ext-authz-go',
    code: filter('ext-authz-go'),
    configuration: { upstream: 'users', headers: ['authorization'], timeoutMs: 5000 },
  },
  // Rust, by gRPC, in Envoy's messages.
  orders: {
    name: 'ext-authz-grpc',
    code: filter('ext-authz-grpc'),
    configuration: { upstream: 'clerks', timeoutMs: 5000 },
  },
};

/**
 * The app; `ready()` resolves when all plugins run, `close()` ends them.
 *
 * @param {object} options
 * @param {string} options.clerks the origin of authorization-server.js
 * @param {import('@proxy-wasm-node/core').Logger} [options.logger]
 * @param {import('@proxy-wasm-node/core').Clock} [options.clock] in tests: time stands still
 */
export function createApp({ clerks, logger = console, clock }) {
  /**
   * What config-refresher fetches.
   *
   * @type {object}
   */
  let rules = { requestHeaders: { 'x-release': 'blue' } };

  // For a filter these are all servers that it calls; the functions by HTTP.
  const upstreams = {
    clerks,
    rules: () => Response.json(rules),
    users: async (/** @type {Request} */ request) => {
      const user = await findUser(request.headers.get('authorization'));
      if (user === undefined) return new Response('who are you?\n', { status: 401 });
      return new Response(null, { headers: { 'x-auth-user': user } });
    },
  };
  const host = createHost({ logger, upstreams, ...(clock && { clock }) });
  const filters = wasmFilter(chain(), { host });
  const account = wasmFilter(authorization.account, { host });
  const reports = wasmFilter(authorization.reports, { host });
  const orders = wasmFilter(authorization.orders, { host });
  // No request goes through this one: it takes from the queue what the others have put there.
  const consumer = host.createPlugin({
    name: 'queue-consumer',
    code: filter('queue-consumer'),
    configuration: { queue: 'requests' },
    vm: { id: TOTALS },
  });

  const app = express();
  // Before the filters, so that they neither count nor refuse these.
  app.get('/metrics', async (_req, res) => {
    res.type('text/plain').send(await host.metrics.toPrometheus());
  });
  app.put('/rules', express.json(), (req, res) => {
    rules = /** @type {object} */ (req.body);
    res.sendStatus(204);
  });

  app.use(filters);
  app.get('/', (req, res) => {
    res.send(`hello from release ${req.get('x-release') ?? 'none'}\n`);
  });
  app.get('/account', account, (req, res) => {
    res.send(`hello ${String(req.get('x-auth-user'))}\n`);
  });
  app.get('/reports', reports, (req, res) => {
    res.send(`reports for ${String(req.get('x-auth-user'))}\n`);
  });
  app.get('/orders', orders, (req, res) => {
    res.send(`orders for a ${String(req.get('x-auth-role'))}\n`);
  });

  return {
    app,
    host,
    ready: async () => {
      await Promise.all([filters, account, reports, orders].map((each) => each.ready()));
      await consumer;
    },
    close: () => host.close(),
  };
}

/**
 * Whatever the app knows its users by: a database, a cache.
 *
 * @param {string | null} authorization
 * @returns {Promise<string | undefined>}
 */
async function findUser(authorization) {
  return authorization === 'Bearer secret' ? 'ann' : undefined;
}
