import { once } from 'node:events';
import process from 'node:process';

import { createStoreProxy } from './proxy.js';
import { createStore } from './store.js';

const port = Number(process.env['PORT'] ?? 18000);
const storePort = Number(process.env['STORE_PORT'] ?? port + 1);

const store = createStore().listen(storePort, '127.0.0.1');
await once(store, 'listening');
const { proxy, host } = createStoreProxy(`127.0.0.1:${String(storePort)}`);
await proxy.ready();
await proxy.listen(port, '127.0.0.1');

console.log(`The store is on port ${String(storePort)}, the proxy with a Go filter on ${String(port)}. Try:

  nc 127.0.0.1 ${String(port)}

and type: set greeting hello, get greeting, flush_all (which ends the connection). Ctrl-C ends it.`);

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, stop);

async function stop() {
  await proxy.close();
  console.log(await host.metrics.toPrometheus());
  await host.close();
  store.close();
}
