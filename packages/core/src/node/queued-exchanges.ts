/**
 * Exchanges of pipelined requests. Their response has no socket before its turn has come, so Node
 * does not tell it when the connection closes.
 */
import type { Socket } from 'node:net';

interface Closable {
  closed(): void;
}

/** One listener for all of a connection: a client may send hundreds of requests ahead. */
const queues = new WeakMap<Socket, Set<Closable>>();

/** Tells the exchange when the connection has closed, unless it is {@link unqueue}d before. */
export function queue(socket: Socket, exchange: Closable): void {
  let exchanges = queues.get(socket);
  if (exchanges === undefined) {
    exchanges = new Set();
    queues.set(socket, exchanges);
    socket.once('close', () => {
      for (const each of queues.get(socket) ?? []) each.closed();
    });
  }
  exchanges.add(exchange);
}

export function unqueue(socket: Socket, exchange: Closable): void {
  queues.get(socket)?.delete(exchange);
}
