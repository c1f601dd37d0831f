/** Filters that are attached to servers: they stand before the app's listeners for connections. */
import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

import { ProxyWasmError } from '../errors.js';
import { EventGate } from '../node/event-gate.js';
import { ServerGuard, ServerGuards } from '../node/server-guard.js';

/** Runs a connection through a filter; `next` when it has passed. */
export type AdmitConnection = (socket: Socket, next: () => void) => void;

const guards = new ServerGuards<AdmitConnection>((server) => new ConnectionGuard(server));

/**
 * Puts a filter behind those that are attached to the server already. Answers what takes it away
 * again.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID, PW_ERR_HTTP_SERVER
 */
export function attachToServer(server: Server, admit: AdmitConnection): () => void {
  checkServer(server);
  return guards.attach(server, admit);
}

/** The attached filters of one server. */
class ConnectionGuard extends ServerGuard<AdmitConnection> {
  constructor(server: Server) {
    super(server);
    // Before its handshake a TLS connection has nothing that a filter could read.
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    const gate = new EventGate(server, event, {
      enter: ([socket], proceed) => {
        this.#run(socket as Socket, proceed);
      },
    });
    this.watch(gate);
  }

  #run(socket: Socket, next: () => void): void {
    const { filters } = this;
    let index = 0;
    const step = (): void => {
      const filter = filters[index];
      index += 1;
      if (filter === undefined) next();
      else filter(socket, step);
    };
    step();
  }
}

function checkServer(server: unknown): void {
  const { on, rawListeners } = (server ?? {}) as Partial<Server>;
  if (typeof on !== 'function' || typeof rawListeners !== 'function') {
    throw new ProxyWasmError(
      'PW_ERR_OPTIONS_INVALID',
      `attach takes a server of node:net or node:tls, not ${String(server)}`,
    );
  }
  if (isHttpServer(server)) refuseHttp('attach was given');
}

/** Of node:http, node:https or node:http2, whose servers have no class that one could ask for. */
function isHttpServer(server: unknown): boolean {
  if (server instanceof HttpServer || server instanceof HttpsServer) return true;
  return typeof (server as { updateSettings?: unknown }).updateSettings === 'function';
}

/** @throws ProxyWasmError PW_ERR_HTTP_SERVER where the socket is an HTTP server's */
export function refuseHttpSocket(socket: Socket): void {
  const server: unknown = Reflect.get(socket, 'server');
  if (server != null && isHttpServer(server)) refuseHttp('the socket is a connection of');
}

function refuseHttp(what: string): never {
  throw new ProxyWasmError(
    'PW_ERR_HTTP_SERVER',
    `${what} an HTTP server, which reads its sockets past their stream interface, so a TCP filter ` +
      'would see nothing; use an HTTP filter: wasmFilter of @proxy-wasm-node/core/node, ' +
      '@proxy-wasm-node/express, @proxy-wasm-node/fastify or @proxy-wasm-node/koa',
  );
}
