// An Express app whose requests are recorded by a filter, and counted on another thread.
import express from 'express';
import { createHost } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/express';

/** @param {string} name */
const filter = (name) => new URL(`../filters/${name}/${name}.wasm`, import.meta.url);

/** The vm id that filter and service know the queue by. */
const TOTALS = 'totals';

/**
 * The app, once its service runs; `close()` ends the plugins and the service.
 *
 * @param {{ logger?: import('@proxy-wasm-node/core').Logger }} [options]
 */
export async function createApp({ logger = console } = {}) {
  const host = createHost({ logger });
  // On a worker thread of its own: takes records from the queue, and counts them.
  const service = await host.createService({
    name: 'totals',
    code: filter('queue-consumer'),
    configuration: { queue: 'requests' },
    vm: { id: TOTALS },
  });

  const app = express();
  app.get('/metrics', async (_req, res) => {
    res.type('text/plain').send(await host.metrics.toPrometheus());
  });
  app.get('/health', (_req, res) => {
    res.json(host.health());
  });
  // On this thread: puts a record on the queue, and lets the request go on.
  const records = wasmFilter(
    {
      code: filter('queue-producer'),
      configuration: { queue: 'requests', vmId: TOTALS },
    },
    { host },
  );
  app.use(records);
  app.use((req, res) => {
    res.send(`${req.method} ${req.path}\n`);
  });

  await records.ready();
  const close = async () => {
    await records.close();
    await host.close();
  };
  return { app, host, service, close };
}
