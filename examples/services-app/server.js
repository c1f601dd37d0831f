import process from 'node:process';

import { createApp } from './app.js';
import { startAuthorizationServer } from './authorization-server.js';

const port = Number(process.env['PORT'] ?? 18000);
const origin = `http://127.0.0.1:${String(port)}`;

const clerks = await startAuthorizationServer();
const { app, ready, close } = createApp({ clerks: clerks.origin });
const server = app.listen(port, '127.0.0.1');
server.on('error', (error) => {
  const taken = /** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE';
  console.error(
    taken
      ? `Port ${String(port)} is taken. Stop what listens there, or choose another: PORT=18001 node examples/services-app/server.js`
      : `The server could not listen on port ${String(port)}: ${error.message}`,
  );
  process.exit(1);
});
server.on('listening', () => void start());

async function start() {
  await ready();
  console.log(`Filters that count, limit, ask and share on ${origin}. Try:

  curl -i ${origin}/                    hello from release blue; 5 requests in 10 seconds, then 429
  curl -i -H 'x-api-key: mine' ${origin}/            a limit of its own
  curl -i ${origin}/account                          401
  curl -i -H 'authorization: Bearer secret' ${origin}/account        who you are
  curl -i -H 'authorization: Bearer secret' ${origin}/reports        the same, asked in Go
  curl -i -H 'authorization: Bearer clerk' ${origin}/orders          asked by gRPC; else 403
  curl -X PUT --json '{"requestHeaders":{"x-release":"green"}}' ${origin}/rules
  curl -X PUT --json '{"maintenance":"back at noon"}' ${origin}/rules      503 a second later
  curl -X PUT --json '{}' ${origin}/rules                       hello from release none
  curl -s ${origin}/metrics | grep wasmcustom        what the filters have counted

The lines that start with "wasm log" are the filters' own. Ctrl-C ends it.`);
}

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, stop);

function stop() {
  server.close(() => {
    clerks.close();
    void close().then(() => process.exit(0));
  });
  server.closeIdleConnections();
}
