import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import type { Running } from '../behaviour.js';

/** Serves on a free port of this machine. */
export async function listen(listener: RequestListener): Promise<Running> {
  return listenOn(createServer(listener));
}

/** As {@link listen}, with a server that somebody else has made. */
export async function listenOn(server: Server): Promise<Running> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}
