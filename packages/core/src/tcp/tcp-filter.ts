import { Socket, type Server } from 'node:net';

import { ProxyWasmError } from '../errors.js';
import type { Host } from '../host.js';
import { PluginChain, type FilterPlugins } from '../node/plugin-chain.js';
import { connectionOf, findConnection } from './connection.js';
import { keepConnection } from './kept-connection.js';
import { attachToServer, refuseHttpSocket } from './tcp-server.js';

keepConnection();

export interface TcpFilterOptions {
  /** Where plugins that are given as options are made; default: the process's default host. */
  host?: Host;
}

/** A chain of filters for TCP connections. */
export interface TcpFilter {
  /**
   * Runs a connection through the filters. The socket stays the same; what is read from it and what
   * is written to it passes the filters from now on.
   *
   * Call it in the server's `connection` (or `secureConnection`) listener, before anything is read.
   * Filters that come to a connection later stand behind those that are there.
   *
   * @param next runs when all have let the connection go on; never, if one of them has closed it
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID: no socket; PW_ERR_HTTP_SERVER: one of an HTTP
   *   server; PW_ERR_CONNECTION_CONSUMED: bytes have been read that no filter would see
   */
  (socket: Socket, next: () => void): void;
  /** Resolves when all plugins have started; rejects with the error of one that could not. */
  ready(): Promise<void>;
  /**
   * Closes the plugins that the filter made, once their connections have ended (it waits for ten
   * seconds), and leaves the servers it was attached to. Connections that come later are refused.
   */
  close(): Promise<void>;
  /**
   * Runs every connection of a server through the filters before the server's listeners get it. To
   * attach it twice to one server changes nothing.
   *
   * @param server of node:net or node:tls
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID, PW_ERR_HTTP_SERVER
   */
  attach(server: Server): void;
}

const TCP_WORDS = { filter: 'tcpFilter', outcome: 'connections are treated' };

/**
 * Makes a chain of filters for the connections of a `net.Server` or `tls.Server`. Connections that
 * come before the plugins have started wait for them.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function tcpFilter(plugins: FilterPlugins, options: TcpFilterOptions = {}): TcpFilter {
  const isOwn = !(plugins instanceof PluginChain);
  const chain = isOwn ? new PluginChain(plugins, options.host, undefined, TCP_WORDS) : plugins;
  const filter = (socket: Socket, next: () => void): void => {
    checkSocket(socket);
    if (socket.destroyed) return;
    const connection = connectionOf(socket, chain.bufferedBodyBytes);
    const join = (): void => {
      connection.join(chain.plugins ?? [], next);
    };
    if (chain.plugins === undefined) void chain.settled.then(join);
    else join();
  };
  const servers = new Map<Server, () => void>();
  return Object.assign(filter, {
    ready: () => chain.ready(),
    close: async () => {
      for (const detach of servers.values()) detach();
      servers.clear();
      if (isOwn) await chain.close();
    },
    attach: (server: Server) => {
      if (!servers.has(server)) servers.set(server, attachToServer(server, filter));
    },
  });
}

function checkSocket(socket: unknown): asserts socket is Socket {
  if (!(socket instanceof Socket)) {
    throw new ProxyWasmError(
      'PW_ERR_OPTIONS_INVALID',
      `a TCP filter takes a socket of node:net or node:tls, not ${String(socket)}`,
    );
  }
  refuseHttpSocket(socket);
  if (findConnection(socket)?.isConsumed ?? isRead(socket)) {
    throw new ProxyWasmError(
      'PW_ERR_CONNECTION_CONSUMED',
      'the socket has been read before the TCP filter came to it, so the filter would not see all ' +
        "that the client sent; run the filter in the server's connection listener, before all else",
    );
  }
}

/** Bytes have been read, or the end has come, which could not be taken back. */
function isRead(socket: Socket): boolean {
  const state = Reflect.get(socket, '_readableState') as { ended?: boolean } | undefined;
  return socket.readableDidRead || state?.ended === true;
}

const NOTHING: ReadonlyMap<string, Uint8Array> = new Map();

/**
 * What filters left for the app with `proxy_set_property` on this connection: name (the path, its
 * segments separated by NUL) to bytes. Empty where no filter has run.
 */
export function connectionState(socket: Socket): ReadonlyMap<string, Uint8Array> {
  return findConnection(socket)?.stream.storedProperties ?? NOTHING;
}
