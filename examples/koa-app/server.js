import process from 'node:process';

import { createApp } from './app.js';

const port = Number(process.env['PORT'] ?? 18000);
const origin = `http://127.0.0.1:${String(port)}`;

const { app, filter } = createApp();
const server = app.listen(port, '127.0.0.1');
server.on('error', (error) => {
  const taken = /** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE';
  console.error(
    taken
      ? `Port ${String(port)} is taken. Stop what listens there, or choose another: PORT=18001 node server.js`
      : `The server could not listen on port ${String(port)}: ${error.message}`,
  );
  process.exit(1);
});
server.on('listening', () => void start());

async function start() {
  await filter.ready();
  console.log(`Five filters in four languages on ${origin}. Try:

  curl -i ${origin}/                                   hello world, and x-wasm-custom: FOO (C++)
  curl -i ${origin}/admin                              401 (Rust)
  curl -i -u alice:wonderland ${origin}/admin          200, and who you are
  curl -i --json '{"id":1}' ${origin}/orders           403 (Go)
  curl -i --json '{"id":1,"item":"tea","quantity":2}' ${origin}/orders    200, the same JSON
  curl -i ${origin}/secret                             a masked card number (AssemblyScript)

The lines that start with "wasm log" are the filters' own. Ctrl-C ends it.`);
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, stop);

function stop() {
  server.close(() => void filter.close().then(() => process.exit(0)));
  server.closeIdleConnections();
}
