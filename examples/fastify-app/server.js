import process from 'node:process';

import { createApp } from './app.js';

const port = Number(process.env['PORT'] ?? 18000);
const app = await createApp();
try {
  await app.listen({ port, host: '127.0.0.1' });
} catch (error) {
  const taken = /** @type {NodeJS.ErrnoException} */ (error).code === 'EADDRINUSE';
  console.error(
    taken
      ? `Port ${String(port)} is taken. Stop what listens there, or choose another: PORT=18001 node server.js`
      : `The server could not listen on port ${String(port)}: ${String(error)}`,
  );
  process.exit(1);
}
for (const signal of /** @type {const} */ (['SIGINT', 'SIGTERM'])) {
  process.once(signal, () => void app.close().then(() => process.exit(0)));
}
