import type { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';

import { findConnection } from './connection.js';
import { openUpstream, type ResolvedTcpUpstream } from './tcp-upstream.js';

/**
 * A client's connection and the one to its server. Bytes and ends go over each way by `pipe`, which
 * makes a fast side wait for a slow one.
 */
export class ProxiedConnection {
  readonly #client: Socket;
  readonly #server: Socket;
  #isConnected = false;

  /** @param onRefused told why there is no connection to the server */
  constructor(client: Socket, upstream: ResolvedTcpUpstream, onRefused: (error: Error) => void) {
    this.#client = client;
    const server = openUpstream(upstream);
    this.#server = server;
    server.once(upstream.tls === undefined ? 'connect' : 'secureConnect', () => {
      this.#isConnected = true;
      const connection = findConnection(client);
      if (connection !== undefined) connection.upstream = server;
    });
    server.on('error', (error) => {
      if (this.#isConnected) abort(client);
      else {
        onRefused(error);
        client.destroy();
      }
    });
    // An error comes with a close, which does what is to be done.
    client.on('error', () => undefined);
    client.once('close', () => {
      this.#clientClosed();
    });
    server.once('close', () => {
      if (!server.readableEnded) abort(client);
    });
    client.pipe(server);
    server.pipe(client);
  }

  /** What had come from a client that is gone without an end is no whole message. */
  #clientClosed(): void {
    const { readableEnded, writableFinished } = this.#client;
    // What the filters let pass is all that the server is to have.
    if (findConnection(this.#client)?.isClosed === true) this.#server.destroy();
    else if (!readableEnded || !writableFinished) abort(this.#server);
  }
}

/** Breaks a connection off so that the other side can tell it from an end. */
function abort(socket: Socket): void {
  // TLS says by itself that the end was not announced.
  if (socket.destroyed || socket instanceof TLSSocket || socket.connecting) socket.destroy();
  else socket.resetAndDestroy();
}
