import { once } from 'node:events';
import {
  createServer as createTcpServer,
  type AddressInfo,
  type Server,
  type Socket,
} from 'node:net';
import { createServer as createTlsServer, type TlsOptions } from 'node:tls';

import { LogLevel } from '../abi/types.js';
import { messageOf } from '../errors.js';
import { hostLog, type Host } from '../host.js';
import type { LogSink } from '../logger.js';
import type { FilterPlugins } from '../node/plugin-chain.js';
import { count, expect, isObject, shape, type Check } from '../option-checks.js';
import { ProxiedConnection } from './proxied-connection.js';
import { tcpFilter } from './tcp-filter.js';
import {
  resolveTcpUpstream,
  tcpUpstream,
  type ResolvedTcpUpstream,
  type TcpUpstream,
} from './tcp-upstream.js';

/** What a TCP proxy listens with, filters by and connects to. */
export interface TcpProxyOptions {
  /** The filters, in order. None: a plain proxy. */
  plugins: FilterPlugins;
  /**
   * Where connections go: `host:port`, or options; or a function that is asked for each connection.
   * One that it has no upstream for is closed.
   */
  upstream: TcpUpstream | (() => TcpUpstream | undefined);
  /** Where plugins that are given as options are made; default: the process's default host. */
  host?: Host;
  /** Serves TLS, with Node's options for it (`key`, `cert`, …). Default: plain TCP. */
  tls?: TlsOptions;
  /** How long {@link TcpProxy.close} waits for open connections, milliseconds; default 10 000. */
  drainTimeoutMs?: number;
}

/** A TCP proxy with filters. */
export interface TcpProxy {
  /** Not listening yet: use {@link TcpProxy.listen}, or its own. */
  readonly server: Server;
  /** Connections that are open now. */
  readonly connections: number;
  /** Resolves when all plugins have started; rejects with the error of one that could not. */
  ready(): Promise<void>;
  /** Listens, on a free port where none is given; answers the address. Rejects where it can't. */
  listen(port?: number, host?: string): Promise<AddressInfo>;
  /**
   * Takes no new connections, waits for those that are open (for `drainTimeoutMs`; then they are
   * cut off), and closes the plugins that the proxy made. Never rejects.
   */
  close(): Promise<void>;
}

const DRAIN_TIMEOUT_MS = 10_000;

const host: Check = expect('a host (of createHost)', (value) => {
  return isObject(value) && typeof value['createPlugin'] === 'function';
});

const checkOptions = shape(
  {
    plugins: expect('plugins, or options of plugins', (value) => {
      return typeof value === 'object' && value !== null;
    }),
    upstream: (value, path) => {
      if (typeof value !== 'function') tcpUpstream(value, path);
    },
    host,
    tls: expect('options of tls.createServer', isObject),
    drainTimeoutMs: count('milliseconds'),
  },
  'plugins',
  'upstream',
);

/**
 * Makes a TCP proxy: each connection runs through the filters, and then to the upstream. A slow side
 * makes the other wait, a side that ends lets the other go on, and one that breaks off breaks the
 * other off.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function createTcpProxy(options: TcpProxyOptions): TcpProxy {
  checkOptions(options, '');
  return new FilteringProxy(options);
}

class FilteringProxy implements TcpProxy {
  readonly server: Server;
  readonly #filter;
  readonly #upstream: () => ResolvedTcpUpstream | undefined;
  readonly #drainTimeoutMs: number;
  readonly #log: LogSink;
  readonly #open = new Set<Socket>();
  #closing: Promise<void> | undefined;

  constructor({ plugins, upstream, host: wasmHost, tls, drainTimeoutMs }: TcpProxyOptions) {
    this.#upstream = resolverOf(upstream);
    this.#drainTimeoutMs = drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
    this.#log = hostLog(wasmHost);
    this.#filter = tcpFilter(plugins, wasmHost === undefined ? {} : { host: wasmHost });
    // Either side may end while the other goes on.
    const halfOpen = { allowHalfOpen: true };
    this.server =
      tls === undefined ? createTcpServer(halfOpen) : createTlsServer({ ...tls, ...halfOpen });
    // Also those whose TLS handshake is not over: close() ends them.
    this.server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
    this.server.on(tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.#accept(socket);
    });
  }

  get connections(): number {
    return this.#open.size;
  }

  ready(): Promise<void> {
    return this.#filter.ready();
  }

  async listen(port = 0, address?: string): Promise<AddressInfo> {
    const { server } = this;
    server.listen({ port, ...(address !== undefined && { host: address }) });
    await once(server, 'listening');
    return server.address() as AddressInfo;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #accept(socket: Socket): void {
    this.#filter(socket, () => {
      const upstream = this.#upstreamFor(socket);
      if (upstream === undefined) return;
      new ProxiedConnection(socket, upstream, (error) => {
        const { host: name, port } = upstream;
        const message = `createTcpProxy: no connection to ${name}:${String(port)}: ${error.message}`;
        this.#log.write(LogLevel.WARN, { err: error }, message);
      });
    });
  }

  /** undefined: there is none, and the connection is closed. */
  #upstreamFor(socket: Socket): ResolvedTcpUpstream | undefined {
    try {
      const upstream = this.#upstream();
      if (upstream !== undefined) return upstream;
      this.#log.write(LogLevel.WARN, {}, 'createTcpProxy: there is no upstream for a connection');
    } catch (error) {
      const message = `createTcpProxy: no upstream for a connection: ${messageOf(error)}`;
      this.#log.write(LogLevel.ERROR, { err: error }, message);
    }
    socket.destroy();
    return undefined;
  }

  async #close(): Promise<void> {
    const timer = setTimeout(() => {
      for (const socket of this.#open) socket.destroy();
    }, this.#drainTimeoutMs);
    // Its callback comes when the last connection has ended; with an error if it never listened.
    await new Promise<void>((resolve) => {
      this.server.close(() => {
        resolve();
      });
    });
    clearTimeout(timer);
    // The server counts a connection as closed a moment before its filters have heard of it.
    await Promise.all([...this.#open].map(closed));
    await this.#filter.close();
  }
}

function resolverOf(upstream: TcpProxyOptions['upstream']): () => ResolvedTcpUpstream | undefined {
  if (typeof upstream === 'function') {
    return () => {
      const chosen = upstream();
      if (chosen === undefined) return undefined;
      tcpUpstream(chosen, 'upstream()');
      return resolveTcpUpstream(chosen);
    };
  }
  const resolved = resolveTcpUpstream(upstream);
  return () => resolved;
}

function closed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    socket.once('close', () => {
      resolve();
    });
  });
}
