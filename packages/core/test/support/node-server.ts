/** A real server with filters, and a client that writes bytes as it likes. */
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host } from '../../src/host.js';
import { wasmFilter, type WasmFilter } from '../../src/node/index.js';
import type { PluginOptions } from '../../src/options.js';

export type App = (req: IncomingMessage, res: ServerResponse) => void;

export interface FilteredServer {
  readonly server: Server;
  readonly port: number;
  readonly host: Host;
  readonly filter: WasmFilter;
  /** What guests and host logged, without the prefix. */
  readonly logs: string[];
  /** Streams that filters work on now. */
  streams(): number;
  close(): Promise<void>;
}

/** Starts a server whose app is behind a chain of generated guests. */
export async function filteredServer(
  scripts: readonly (GuestScript & { options?: Partial<PluginOptions> })[],
  app: App,
): Promise<FilteredServer> {
  const logs: string[] = [];
  const log = (_fields: object, message: string): void => {
    logs.push(message.replace(/^wasm log[^:]*: /, ''));
  };
  const host = createHost({ logger: { level: 'info', info: log, warn: log, error: log } });
  const plugins = await Promise.all(
    scripts.map(async ({ options, ...script }) => ({
      name: 'guest',
      ...options,
      code: await guest(script),
    })),
  );
  const filter = wasmFilter(plugins, { host });
  await filter.ready();
  logs.length = 0;
  const server = createServer((req, res) => {
    filter(req, res, () => {
      app(req, res);
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    server,
    host,
    filter,
    logs,
    port: (server.address() as AddressInfo).port,
    streams: () => host.health().plugins.reduce((sum, { streams }) => sum + streams, 0),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await filter.close();
      await host.close();
    },
  };
}

/** A connection whose bytes can be looked at. */
export interface RawClient {
  readonly socket: Socket;
  /** All that came so far. */
  text(): string;
  /** Resolves when what came so far matches. */
  until(pattern: RegExp): Promise<string>;
}

export async function rawClient(port: number): Promise<RawClient> {
  const socket = connect(port, '127.0.0.1');
  socket.setEncoding('latin1');
  await once(socket, 'connect');
  let text = '';
  socket.on('data', (chunk: string) => (text += chunk));
  socket.on('error', () => undefined);
  return {
    socket,
    text: () => text,
    async until(pattern) {
      while (!pattern.test(text)) {
        if (socket.closed) throw new Error(`closed after ${JSON.stringify(text)}`);
        await Promise.race([once(socket, 'data'), once(socket, 'close')]);
      }
      return text;
    },
  };
}

export async function sleep(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Resolves when the condition holds; rejects when it has been far longer than a busy machine needs. */
export async function eventually(condition: () => boolean): Promise<void> {
  for (const end = Date.now() + PATIENCE_MS; !condition(); await sleep(5)) {
    if (Date.now() > end) throw new Error('it did not come to that');
  }
}

const PATIENCE_MS = 15_000;
