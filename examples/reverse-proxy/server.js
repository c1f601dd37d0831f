import { once } from 'node:events';
import process from 'node:process';

import { createApp } from './app.js';
import { createProxy } from './proxy.js';

const port = Number(process.env['PORT'] ?? 18000);
const appPort = Number(process.env['APP_PORT'] ?? port + 1);
const origin = `http://127.0.0.1:${String(port)}`;

const app = createApp().listen(appPort, '127.0.0.1');
const { server, filter } = createProxy(`http://127.0.0.1:${String(appPort)}`);
server.listen(port, '127.0.0.1');
await Promise.all([once(app, 'listening'), once(server, 'listening'), filter.ready()]);

console.log(`The app is on port ${String(appPort)}, the proxy with four filters on ${origin}. Try:

  curl -i ${origin}/                               401 (Rust): the app is not asked
  curl -i -u alice:wonderland ${origin}/           hello alice, and x-wasm-custom: FOO (C++)
  curl -i -u alice:wonderland ${origin}/secret     a masked card number (AssemblyScript)
  curl -i -u alice:wonderland --json '{"id":1}' ${origin}/orders    403 (Go)

The lines that start with "wasm log" are the filters' own. Ctrl-C ends it.`);

for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) process.once(signal, stop);

function stop() {
  server.close(() => void filter.close().then(() => process.exit(0)));
  server.closeIdleConnections();
}
