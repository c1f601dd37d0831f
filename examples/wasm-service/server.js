import process from 'node:process';

import { createApp } from './app.js';

const port = Number(process.env['PORT'] ?? 18000);
const origin = `http://127.0.0.1:${String(port)}`;

const { app, close } = await createApp();
const server = app.listen(port, '127.0.0.1');
server.on('error', (error) => {
  const taken = /** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE';
  console.error(
    taken
      ? `Port ${String(port)} is taken. Stop what listens there, or choose another: PORT=18001 node examples/wasm-service/server.js`
      : `The server could not listen on port ${String(port)}: ${error.message}`,
  );
  process.exit(1);
});
server.on('listening', () => {
  console.log(`A filter that records requests, and a service that counts them, on ${origin}. Try:

  curl ${origin}/orders/7                                GET /orders/7
  curl -X POST ${origin}/orders                          POST /orders
  curl -s ${origin}/metrics | grep wasmcustom_requests   what the service has counted
  curl -s ${origin}/health                               the filter, and the service

The lines that start with "wasm log" are the plugins' own. Ctrl-C ends it.`);
});

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, stop);

function stop() {
  server.close(() => void close().then(() => process.exit(0)));
  server.closeIdleConnections();
}
