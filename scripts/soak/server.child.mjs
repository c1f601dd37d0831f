/** The server under test, in a process of its own, so that its event loop is all its own. */
import { createServer } from 'node:http';
import { monitorEventLoopDelay } from 'node:perf_hooks';

import { createHost } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/core/node';

import { kept } from '../load/kept.mjs';
import { CONSUMER, EXAMPLES, failing, UPSTREAMS } from './filters.mjs';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */

/** @type {string[]} */
const unhandled = [];
process.on('unhandledRejection', (error) => unhandled.push(String(error)));
process.on('uncaughtException', (error) => unhandled.push(String(error)));

const host = createHost({
  upstreams: UPSTREAMS,
  logger: { level: 'silent', info: () => undefined },
});
// Before the producer, which looks for its queue.
const consumer = await host.createPlugin(CONSUMER);
const examples = await Promise.all(EXAMPLES.map((options) => host.createPlugin(options)));
const traps = await host.createPlugin(await failing('traps'));
const loops = await host.createPlugin(await failing('loops'));
const plugins = [consumer, ...examples, traps, loops];

/** @type {Record<string, string[]>} */
const failures = {};
for (const plugin of plugins) {
  plugin.on('failed', (error) => (failures[plugin.name] ??= []).push(error.code));
}

const filters = {
  '/examples': wasmFilter(examples),
  '/traps': wasmFilter(traps),
  '/loops': wasmFilter(loops),
};

const server = createServer((req, res) => {
  const { url = '' } = req;
  const [, filter] = Object.entries(filters).find(([prefix]) => url.startsWith(prefix)) ?? [];
  if (filter === undefined) answer(req, res);
  else filter(req, res, () => answer(req, res));
});

/** Reads what comes, and sends as much back. @param {IncomingMessage} req @param {ServerResponse} res */
function answer(req, res) {
  let size = 0;
  req.on('data', (/** @type {Buffer} */ chunk) => (size += chunk.length));
  req.on('end', () => {
    res.setHeader('content-type', 'text/plain');
    res.end(`read ${size}`);
  });
}

const eventLoop = monitorEventLoopDelay({ resolution: 10 });

/** @type {Record<string, () => unknown>} */
const answers = {
  memory: () => kept(plugins),
  guests: () =>
    Object.fromEntries(
      plugins.map(({ name, context }) => [name, context?.vm.memory.sizeBytes ?? 0]),
    ),
  measure: () => {
    eventLoop.reset();
    return eventLoop.enable();
  },
  state: () => ({
    failures,
    unhandled,
    delayP99Ms: eventLoop.percentile(99) / 1e6,
    delayMaxMs: eventLoop.max / 1e6,
    running: plugins.every(({ state }) => state === 'running'),
    streams: plugins.reduce((sum, { streams }) => sum + streams, 0),
    vms: host.metrics.read().find(({ name }) => name === 'wasm.active')?.value,
    expectedVms: plugins.length,
  }),
  isRunning: () => [traps.state, loops.state].every((state) => state === 'running'),
  close: async () => {
    server.closeAllConnections();
    server.close();
    await host.close();
  },
};

process.on('message', (/** @type {{ question: string }} */ { question }) => {
  void Promise.resolve(answers[question]?.()).then((value) => {
    process.send?.({ value });
    if (question === 'close') process.disconnect();
  });
});

server.listen(0, '127.0.0.1', () => {
  const address = /** @type {import('node:net').AddressInfo} */ (server.address());
  process.send?.({ port: address.port });
});
