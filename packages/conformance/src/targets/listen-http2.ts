import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

import type { Running } from '../behaviour.js';

/** Serves on a free port of this machine, by HTTP/2 without TLS and Node's compatibility API. */
export async function listenHttp2(listener: RequestListener): Promise<Running> {
  const server = createServer((req, res) => {
    listener(req as unknown as IncomingMessage, res as unknown as ServerResponse);
  });
  const sessions = new Set<{ destroy(): void }>();
  server.on('session', (session) => sessions.add(session));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const session of sessions) session.destroy();
      }),
  };
}
