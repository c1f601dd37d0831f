/** Every filter of examples/filters at work: those for requests in one chain, the others beside it. */
import { once } from 'node:events';
import { readdir } from 'node:fs/promises';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer } from 'node:net';

import { createTcpProxy } from '@proxy-wasm-node/core/tcp';

/** @typedef {import('@proxy-wasm-node/core').Host} Host */
/** @typedef {import('@proxy-wasm-node/core').HostOptions} HostOptions */
/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */
/** @typedef {import('@proxy-wasm-node/core').PluginOptions} PluginOptions */

const FILTERS = new URL('../../examples/filters/', import.meta.url);
const TOTALS = { id: 'totals' };
/** A limit that is never reached. */
const UNLIMITED = { limit: 10_000_000, windowSeconds: 60 };

/** In the order in which requests meet them. @type {Record<string, Omit<PluginOptions, 'code'>>} */
const CHAIN = {
  // A dozen lines for each request, and how many requests come in a second is the machine's affair.
  hello: { limits: { logLinesPerSecond: false } },
  'request-counter': {},
  'status-counter': {},
  'latency-histogram': {},
  'response-size': {},
  'rate-limit': { configuration: UNLIMITED },
  'queue-producer': { configuration: { queue: 'requests', vmId: TOTALS.id } },
  'config-refresher': { configuration: { upstream: 'rules', path: '/rules.json' } },
  'basic-auth': {
    configuration: { prefix: '/admin', realm: 'example', users: { alice: 'wonderland' } },
  },
  'ext-authz': { configuration: { upstream: 'authz', timeoutMs: 10_000 } },
  'ext-authz-go': { configuration: { upstream: 'authz', timeoutMs: 10_000 } },
  'ext-authz-grpc': { configuration: { upstream: 'authz-grpc', timeoutMs: 10_000 } },
  'json-validation': {
    configuration: { pathPrefix: '/orders', requiredKeys: ['id', 'item', 'quantity'] },
  },
  configurations: { configuration: 'of the plugin', vm: { configuration: 'of the VM' } },
  minimal: {},
  headers: {},
  'add-headers': {},
  redact: {},
};
const CONSUMER = 'queue-consumer';
const GUARD = 'tcp-command-guard';

/** Of later Nodes; the types are of the oldest. @type {object} */
const MANY_CANCELLED = { streamResetBurst: 1_000_000, streamResetRate: 1_000_000 };

/** An allowing CheckResponse, as a gRPC message: its status is 0. */
const ALLOWED = Buffer.from([0, 0, 0, 0, 2, 0x0a, 0]);

/**
 * Who the filters ask, and what the TCP proxy is for.
 *
 * @returns {Promise<{ upstreams: NonNullable<HostOptions['upstreams']>, linesPort: number, close(): Promise<void> }>}
 */
export async function openUpstreams() {
  // Calls of clients that leave are cancelled, which is no attack on it.
  const grpc = createHttp2Server(MANY_CANCELLED);
  grpc.on('stream', (stream) => {
    stream.on('error', () => stream.destroy());
    stream.respond({ 'content-type': 'application/grpc' }, { waitForTrailers: true });
    stream.on('wantTrailers', () => stream.sendTrailers({ 'grpc-status': '0' }));
    stream.end(ALLOWED);
  });
  const sessions = new Set();
  grpc.on('session', (session) => {
    sessions.add(session);
    session.once('close', () => sessions.delete(session));
  });
  // One answer to each line, which the filter before it passes on whole.
  const lines = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', () => socket.write('OK\r\n'));
  });
  const [grpcPort, linesPort] = await Promise.all([listen(grpc), listen(lines)]);
  return {
    upstreams: {
      authz: () => new Response(null, { status: 200 }),
      rules: () => Response.json({ requestHeaders: { 'x-release': 'blue' } }),
      'authz-grpc': `http://127.0.0.1:${grpcPort}`,
    },
    linesPort,
    async close() {
      for (const session of sessions) session.destroy();
      await Promise.all([grpc, lines].map((server) => new Promise((done) => server.close(done))));
    },
  };
}

/**
 * @param {Host} host
 * @param {number} linesPort
 */
export async function openExamples(host, linesPort) {
  await checkComplete();
  const consumer = await host.createPlugin({
    ...{ name: CONSUMER, code: moduleOf(CONSUMER), vm: TOTALS },
    configuration: { queue: 'requests' },
  });
  /** @type {Plugin[]} */
  const chain = [];
  for (const [name, options] of Object.entries(CHAIN)) {
    chain.push(await host.createPlugin({ name, code: moduleOf(name), ...options }));
  }
  const guard = await host.createPlugin({
    ...{ name: GUARD, code: moduleOf(GUARD), configuration: { deny: ['shutdown'] } },
  });
  const proxy = createTcpProxy({ plugins: guard, upstream: `127.0.0.1:${linesPort}`, host });
  const { port: tcpPort } = await proxy.listen(0, '127.0.0.1');
  return { chain, plugins: [consumer, ...chain, guard], tcpPort, close: () => proxy.close() };
}

/** No filter may be added to the examples and left out here. */
async function checkComplete() {
  const entries = await readdir(FILTERS, { withFileTypes: true });
  const used = new Set([...Object.keys(CHAIN), CONSUMER, GUARD]);
  const folders = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const unused = folders.filter((name) => !used.has(name));
  if (unused.length > 0) throw new Error(`give these a place in the soak: ${unused.join(', ')}`);
}

/** @param {string} name */
function moduleOf(name) {
  return new URL(`${name}/${name}.wasm`, FILTERS);
}

/** @param {import('node:net').Server} server @returns {Promise<number>} its port */
async function listen(server) {
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return /** @type {import('node:net').AddressInfo} */ (server.address()).port;
}
