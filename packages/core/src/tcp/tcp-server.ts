/** Filters that are attached to servers: they stand before the app's listeners for connections. */
import { Server as HttpServer } from 'node:http';
import { Server as HttpsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { Server as TlsServer } from 'node:tls';

import { ProxyWasmError } from '../errors.js';
import { EventGate } from '../node/event-gate.js';

/** Runs a connection through a filter; `next` when it has passed. */
export type AdmitConnection = (socket: Socket, next: () => void) => void;

const guards = new WeakMap<Server, ConnectionGuard>();

/**
 * Puts a filter behind those that are attached to the server already. Answers what takes it away
 * again.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID, PW_ERR_HTTP_SERVER
 */
export function attachToServer(server: Server, admit: AdmitConnection): () => void {
  checkServer(server);
  let guard = guards.get(server);
  if (guard === undefined) {
    guard = new ConnectionGuard(server);
    guards.set(server, guard);
  }
  guard.add(admit);
  return () => {
    if (guards.get(server)?.remove(admit) === true) guards.delete(server);
  };
}

/** The attached filters of one server. */
class ConnectionGuard {
  readonly #server: Server;
  readonly #gate: EventGate;
  #filters: readonly AdmitConnection[] = [];

  constructor(server: Server) {
    this.#server = server;
    // Before its handshake a TLS connection has nothing that a filter could read.
    const event = server instanceof TlsServer ? 'secureConnection' : 'connection';
    this.#gate = new EventGate(server, event, {
      enter: ([socket], proceed) => {
        this.#run(socket as Socket, proceed);
      },
    });
    server.on('newListener', this.#listenersChanged);
    server.on('removeListener', this.#listenersChanged);
  }

  readonly #listenersChanged = (event: string | symbol): void => {
    if (event === this.#gate.event) this.#gate.listenersChanged();
  };

  add(filter: AdmitConnection): void {
    this.#filters = [...this.#filters, filter];
  }

  /** Answers whether that was the last one: the server is then as it was before. */
  remove(filter: AdmitConnection): boolean {
    this.#filters = this.#filters.filter((other) => other !== filter);
    if (this.#filters.length > 0) return false;
    const server = this.#server;
    server.removeListener('newListener', this.#listenersChanged);
    server.removeListener('removeListener', this.#listenersChanged);
    this.#gate.close();
    return true;
  }

  #run(socket: Socket, next: () => void): void {
    const filters = this.#filters;
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
