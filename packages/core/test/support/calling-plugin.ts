/** A plugin that calls upstreams from its configuration on, and logs what comes of it. */
import { createServer, type RequestListener, type Server } from 'node:http';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server as NetServer,
  type Socket,
} from 'node:net';

import { afterEach, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type HostOptions, type PluginOptions } from '../../src/index.js';
import { recordLog } from './record-log.js';

const cleanups: (() => unknown)[] = [];

/** Runs after the test, the last that was added first. */
export function atTestEnd(cleanup: () => unknown): void {
  cleanups.push(cleanup);
}

afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What an HTTP callback logs: sizes, all headers, the body, all trailers and the status. */
const LOG_ALL: readonly Operation[] = [
  { logCallSizes: true },
  { logPairs: 6 },
  { logBuffer: [4] },
  { logPairs: 7 },
  { logCallStatus: true },
];

export interface CallingOptions {
  callbacks?: GuestScript['callbacks'];
  host?: Omit<HostOptions, 'logger'>;
  plugin?: Partial<PluginOptions>;
  abi?: '0.1.0' | '0.2.0' | '0.2.1';
}

/** Started; `calls` ran in `proxy_on_configure`. Host and plugin close with the test. */
export async function callingPlugin(calls: readonly Operation[], options: CallingOptions = {}) {
  const log = recordLog();
  const host = createHost({ ...options.host, logger: log.logger });
  atTestEnd(() => host.close());
  const code = await guest({
    ...(options.abi === undefined ? {} : { abi: options.abi }),
    callbacks: {
      proxy_on_configure: calls,
      proxy_on_http_call_response: LOG_ALL,
      ...options.callbacks,
    },
  });
  const plugin = await host.createPlugin({ code, name: 'caller', ...options.plugin });
  return { host, plugin, ...log, wait: waiter(log.texts) };
}

/** Waits until there are so many lines, and answers them; none more come soon after. */
function waiter(texts: () => string[]) {
  return async (count: number): Promise<string[]> => {
    await vi.waitFor(
      () => {
        if (texts().length < count) throw new Error(`only: ${texts().join(' | ')}`);
      },
      { timeout: 10_000, interval: 2 },
    );
    await new Promise((resolve) => setTimeout(resolve, 5));
    return texts();
  };
}

/** Pairs as `logPairs` logs them, for people. */
export function readPairs(line = ''): string[] {
  const bytes = Buffer.from(line, 'latin1');
  if (bytes.length < 4) return [];
  const count = bytes.readUInt32LE(0);
  const parts = bytes
    .subarray(4 + 8 * count)
    .toString('latin1')
    .split('\0');
  return parts.slice(0, -1);
}

/** Listens; answers its URL. Ends with the test. */
export async function httpServer(listener: RequestListener): Promise<string> {
  return `http://127.0.0.1:${String(await listen(createServer(listener)))}`;
}

/** A server that says what it likes on its sockets. */
export async function tcpServer(listener: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createTcpServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    listener(socket);
  });
  atTestEnd(() => {
    for (const socket of sockets) socket.destroy();
  });
  return `http://127.0.0.1:${String(await listen(server))}`;
}

export async function listen(server: NetServer): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', () => resolve()));
  atTestEnd(() => {
    (server as Partial<Server>).closeAllConnections?.();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}
