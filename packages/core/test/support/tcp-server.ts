/** A TCP server with filters in front of its app, and clients whose bytes can be looked at. */
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';
import { connect as connectTls, type ConnectionOptions } from 'node:tls';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type HostOptions, type Plugin, type PluginOptions } from '../../src/index.js';
import { tcpFilter, type TcpFilter } from '../../src/tcp/index.js';
import { atTestEnd } from './calling-plugin.js';
import { recordLog } from './record-log.js';

export type Script = GuestScript & { options?: Partial<PluginOptions> };

export interface TcpFilters {
  readonly filter: TcpFilter;
  readonly plugins: readonly Plugin[];
  /** What the guests have logged since they started, without what counts contexts. */
  logs(): string[];
  /** Warnings and errors, of the host too. */
  errors(): string[];
  /** How many stream contexts were created, and how many deleted. */
  contexts(): { created: number; deleted: number };
  /** Stream contexts that are alive now. */
  streams(): number;
}

const CREATED = 'context created';
const DELETED = 'context deleted';

/** The same guest, saying so when a stream's context comes and goes. */
function counting(script: GuestScript): GuestScript {
  const { proxy_on_context_create: create = [], proxy_on_delete: end = [] } = script.callbacks;
  // A plugin context has no parent.
  const isStream = '(if (local.get $parent) (then';
  return {
    ...script,
    callbacks: {
      ...script.callbacks,
      proxy_on_context_create: [{ wat: isStream }, { log: CREATED }, { wat: '))' }, ...create],
      proxy_on_delete: [...end, { log: DELETED }],
    },
  };
}

/** Plugins on one host, in one chain. They close with the test. */
export async function startTcpFilters(
  scripts: readonly Script[],
  options: HostOptions = {},
): Promise<TcpFilters> {
  const log = recordLog();
  const host = createHost({ logger: log.logger, ...options });
  atTestEnd(() => host.close());
  const plugins: Plugin[] = [];
  for (const { options: of, ...script } of scripts) {
    plugins.push(
      await host.createPlugin({ name: 'guest', ...of, code: await guest(counting(script)) }),
    );
  }
  const started = log.lines.length;
  const counted = (text: string): number =>
    log.texts('info').filter((line) => line === text).length;
  return {
    filter: tcpFilter(plugins, { host }),
    plugins,
    logs: () =>
      log.lines
        .slice(started)
        .filter(({ level }) => level === 'info')
        .map(({ message }) => message.replace(/^wasm log[^:]*: /, ''))
        .filter((line) => line !== CREATED && line !== DELETED),
    errors: () => [...log.texts('warn'), ...log.texts('error')],
    contexts: () => ({ created: counted(CREATED), deleted: counted(DELETED) }),
    streams: () => plugins.reduce((sum, { streams }) => sum + streams, 0),
  };
}

/** Listens on a free port until the test ends. */
export async function listenTcp(server: Server): Promise<number> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    socket.on('close', () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // Not awaited: connections that a filter holds are none of the listeners'.
  atTestEnd(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** What an app does with its connections, and what it has got. */
export interface TcpApp {
  readonly port: number;
  /** The app's sockets, in order. */
  readonly sockets: Socket[];
  /** Their bytes so far, one character each; `|` is a client's end. */
  received(): string;
}

/** A server whose app has the filters before it. */
export async function serveTcp(
  filter: TcpFilter,
  app: (socket: Socket) => void = () => undefined,
  allowHalfOpen = true,
): Promise<TcpApp> {
  const sockets: Socket[] = [];
  let text = '';
  const server = createServer({ allowHalfOpen }, (socket) => {
    sockets.push(socket);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')));
    socket.on('end', () => (text += '|'));
    app(socket);
  });
  filter.attach(server);
  return { port: await listenTcp(server), sockets, received: () => text };
}

/** A client whose received bytes can be looked at. */
export class TcpClient {
  readonly socket: Socket;
  /** Bytes so far, one character each; `|` is the server's end. */
  text = '';
  error: NodeJS.ErrnoException | undefined;
  readonly closed: Promise<void>;

  constructor(port: number, tls?: ConnectionOptions) {
    const target = { host: '127.0.0.1', port, allowHalfOpen: true };
    this.socket = tls === undefined ? connect(target) : connectTls({ ...tls, ...target });
    this.socket.on('data', (chunk: Buffer) => (this.text += chunk.toString('latin1')));
    this.socket.on('end', () => (this.text += '|'));
    this.socket.on('error', (error) => (this.error = error));
    this.closed = new Promise((resolve) => {
      this.socket.once('close', () => {
        resolve();
      });
    });
    atTestEnd(() => this.socket.destroy());
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  end(): void {
    this.socket.end();
  }

  /** Waits for the server's end, and then ends too. */
  async ended(): Promise<void> {
    if (!this.socket.readableEnded) {
      await new Promise((resolve) => this.socket.once('end', resolve));
    }
    this.socket.end();
    await this.closed;
  }
}
