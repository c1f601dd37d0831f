/**
 * Node does not always tell a request or a response that its connection has closed: not the response
 * to a pipelined request, which has no socket before its turn has come, and not a request whose
 * answer was out before its body had come.
 */
import type { Socket } from 'node:net';

interface Closable {
  closed(): void;
}

/** One listener for all of a connection: a client may send hundreds of requests ahead. */
const watchers = new WeakMap<Socket, Set<Closable>>();

/** Tells the exchange when the connection has closed, until {@link unwatchSocket}. */
export function watchSocket(socket: Socket, exchange: Closable): void {
  let exchanges = watchers.get(socket);
  if (exchanges === undefined) {
    exchanges = new Set();
    watchers.set(socket, exchanges);
    socket.once('close', () => {
      for (const each of watchers.get(socket) ?? []) each.closed();
    });
  }
  exchanges.add(exchange);
}

export function unwatchSocket(socket: Socket, exchange: Closable): void {
  watchers.get(socket)?.delete(exchange);
}
