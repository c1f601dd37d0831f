/** A server of node:http with filters in front of its app, and clients that write raw bytes. */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { connect, type AddressInfo, type Server as NetServer, type Socket } from 'node:net';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost } from '../../src/host.js';
import { wasmFilter, type WasmFilter } from '../../src/node/wasm-filter.js';
import type { PluginOptions } from '../../src/options.js';
import type { Plugin } from '../../src/plugin.js';
import { recordLog } from './record-log.js';

export type App = (req: IncomingMessage, res: ServerResponse) => void;

/** Filters in one chain, each of them counting its contexts. */
export interface Filters {
  readonly filter: WasmFilter;
  readonly plugins: readonly Plugin[];
  /** What the guests have logged, without what counts contexts. */
  logs(): string[];
  errors(): string[];
  /** Closes everything; answers how many contexts were created and how many deleted. */
  close(): Promise<{ created: number; deleted: number }>;
}

/** How long a test waits for what has to come: far longer than it takes where the machine is busy. */
const PATIENCE_MS = 15_000;

const CREATED = 'context created';
const DELETED = 'context deleted';

/** The same guest, saying so when a context comes and goes. */
function counting(script: GuestScript): GuestScript {
  const { callbacks } = script;
  return {
    ...script,
    callbacks: {
      ...callbacks,
      proxy_on_context_create: [{ log: CREATED }, ...(callbacks.proxy_on_context_create ?? [])],
      proxy_on_delete: [...(callbacks.proxy_on_delete ?? []), { log: DELETED }],
    },
  };
}

export async function startFilters(
  scripts: readonly GuestScript[],
  options: Omit<PluginOptions, 'code'> = {},
): Promise<Filters> {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  const plugins: Plugin[] = [];
  for (const script of scripts) {
    const code = await guest(counting(script));
    plugins.push(await host.createPlugin({ name: 'guest', code, ...options }));
  }
  const filter = wasmFilter(plugins);
  const count = (text: string): number => log.texts().filter((line) => line === text).length;
  return {
    filter,
    plugins,
    logs: () => log.texts('info').filter((line) => line !== CREATED && line !== DELETED),
    errors: () => [...log.texts('warn'), ...log.texts('error')],
    async close() {
      await filter.close();
      await host.close();
      return { created: count(CREATED), deleted: count(DELETED) };
    },
  };
}

export interface Listening {
  readonly port: number;
  close(): Promise<void>;
}

/** Listens on a free port of this machine. */
export async function listen(server: NetServer): Promise<Listening> {
  const sockets = new Set<Socket>();
  for (const event of ['connection', 'secureConnection']) {
    server.on(event, (socket: Socket) => {
      sockets.add(socket);
      socket.on('close', () => sockets.delete(socket));
    });
  }
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}

/** A plain server whose app stands behind the filters. */
export function serverOf(filter: WasmFilter, app: App): Server {
  return createServer((req, res) => {
    filter(req, res, () => {
      app(req, res);
    });
  });
}

/** A connection on which a test writes what it likes. */
export class RawClient {
  readonly socket: Socket;
  /** What has come, one character per byte. */
  text = '';
  readonly closed: Promise<void>;
  #changed: () => void = () => undefined;

  constructor(port: number) {
    this.socket = connect(port, '127.0.0.1');
    this.socket.on('data', (chunk: Buffer) => {
      this.text += chunk.toString('latin1');
      this.#changed();
    });
    this.socket.on('error', () => undefined);
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        this.#changed();
        resolve();
      });
    });
  }

  /** Lines of a head end with `\n` here. */
  send(head: string, body = ''): void {
    this.socket.write(`${head.trim().replaceAll(/ *\n */g, '\r\n')}\r\n\r\n${body}`, 'latin1');
  }

  write(bytes: string): void {
    this.socket.write(bytes, 'latin1');
  }

  /** Waits until what has come matches; the connection's end counts as its last word. */
  async until(pattern: RegExp, ms = PATIENCE_MS): Promise<string> {
    const end = Date.now() + ms;
    while (!pattern.test(this.text)) {
      if (this.socket.destroyed || Date.now() > end) {
        throw new Error(`waited for ${String(pattern)}, got ${JSON.stringify(this.text)}`);
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, end - Date.now());
        this.#changed = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
    return this.text;
  }

  destroy(): void {
    this.socket.destroy();
  }
}

export async function pause(ms: number): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, ms));
}

/** Waits for what becomes true a little later. */
export async function eventually(
  isTrue: () => boolean,
  what: string,
  ms = PATIENCE_MS,
): Promise<void> {
  const end = Date.now() + ms;
  while (!isTrue()) {
    if (Date.now() > end) throw new Error(`never came true: ${what}`);
    await pause(5);
  }
}
