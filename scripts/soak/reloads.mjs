/**
 * Reloads a plugin again and again while requests go through it: not one may fail, and nothing of the
 * VMs before may be left.
 *
 *     node --expose-gc scripts/soak/reloads.mjs [--reloads 1000] [--clients 8]
 */
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { createHost } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/core/node';

import { inMib } from '../load/judge.mjs';
import { Client } from './reload-client.mjs';

const { values } = parseArgs({
  options: {
    reloads: { type: 'string', default: '1000' },
    clients: { type: 'string', default: '8' },
  },
});
const [reloads, clientCount] = [Number(values.reloads), Number(values.clients)];
setFlagsFromString('--expose-gc');
/** @type {() => void} */
const collectGarbage = runInNewContext('gc');

/** Collections and turns enough for what finalizers free. */
async function memory() {
  for (let round = 0; round < 8; round += 1) {
    collectGarbage();
    await delay(50);
  }
  const { rss, heapUsed } = process.memoryUsage();
  return { rss, heap: heapUsed };
}

const host = createHost({
  logger: { level: 'warn', warn: (_, message) => console.error(message) },
});
const plugin = await host.createPlugin({
  code: new URL('../../examples/filters/headers/headers.wasm', import.meta.url),
  configuration: 'start',
});
const filter = wasmFilter(plugin);
const server = createServer((req, res) => {
  filter(req, res, () => setTimeout(() => res.end('ok'), Math.random() < 0.1 ? 20 : 0));
});
await new Promise((resolve) => server.listen(0, '127.0.0.1', () => resolve(undefined)));
const { port } = /** @type {import('node:net').AddressInfo} */ (server.address());

let isOver = false;
/** @type {Record<string, number>} */
const statuses = {};
const clients = Array.from({ length: clientCount }, () => new Client(port));
const traffic = clients.map(async (client) => {
  while (!isOver) {
    const status = await client.send();
    statuses[status] = (statuses[status] ?? 0) + 1;
  }
});

/** @type {WeakRef<object>[]} */
const before = [];
function remember() {
  const { vm } = /** @type {{ vm: object }} */ (plugin.context);
  before.push(new WeakRef(vm));
}

const startMs = performance.now();
let warm = { rss: 0, heap: 0 };
for (let index = 0; index < reloads; index += 1) {
  remember();
  await plugin.reload({ configuration: `reload ${index}` });
  if (index === Math.floor(reloads / 4)) warm = await memory();
}
const seconds = (performance.now() - startMs) / 1000;
isOver = true;
await Promise.all(traffic);
for (const client of clients) client.close();
await delay(200);
const after = await memory();
const left = before.filter((ref) => ref.deref() !== undefined).length;
const active = host.metrics.read().find(({ name }) => name === 'wasm.active')?.value;
server.closeAllConnections();
server.close();
await host.close();

const total = Object.values(statuses).reduce((sum, count) => sum + count, 0);
/** @type {string[]} */
const failures = [];
if (statuses[200] !== total) failures.push(`statuses: ${JSON.stringify(statuses)}`);
if (active !== 1 || left > 0)
  failures.push(`${active} VMs are active, ${left} of those before are left`);
if (after.heap - warm.heap > 2 * 1024 * 1024) failures.push('the heap has grown');
if (after.rss - warm.rss > 48 * 1024 * 1024) failures.push('the process has grown');
console.log(
  [
    `reloads: ${failures.length === 0 ? 'passed' : 'FAILED'}: ${reloads} in ${seconds.toFixed(1)} s, ${total} requests, ${total - (statuses[200] ?? 0)} failed`,
    `  VMs: ${active} active, ${left} of those before left; MiB after a quarter / at the end: rss ${inMib(warm.rss)} / ${inMib(after.rss)}, heap ${inMib(warm.heap)} / ${inMib(after.heap)}`,
    ...failures.map((failure) => `  FAILED: ${failure}`),
  ].join('\n'),
);
if (failures.length > 0) process.exitCode = 1;
