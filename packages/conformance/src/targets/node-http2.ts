import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http2';
import type { AddressInfo } from 'node:net';

import type { Running, Target } from '../behaviour.js';
import { plainListener } from './node-http.js';

/** HTTP/2 without TLS, by Node's compatibility API. */
export const nodeHttp2: Target = {
  name: 'node:http2',
  protocol: 'h2',
  async start(middlewares, app): Promise<Running> {
    const listener = plainListener(middlewares, app);
    const server = createServer((req, res) => {
      listener(req as unknown as IncomingMessage, res as unknown as ServerResponse);
    });
    const sessions = new Set<{ destroy(): void }>();
    server.on('session', (session) => sessions.add(session));
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return {
      port: (server.address() as AddressInfo).port,
      close: () =>
        new Promise((resolve) => {
          server.close(() => {
            resolve();
          });
          for (const session of sessions) session.destroy();
        }),
    };
  },
};
