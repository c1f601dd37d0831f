/** What stands in front of one server's listeners: gates at its events, and the filters behind them. */
import type { Server } from 'node:net';

import type { EventGate } from './event-gate.js';

export abstract class ServerGuard<Filter> {
  readonly #server: Server;
  #gates: readonly EventGate[] = [];
  #filters: readonly Filter[] = [];

  constructor(server: Server) {
    this.#server = server;
  }

  /** In their order. */
  protected get filters(): readonly Filter[] {
    return this.#filters;
  }

  /** Has the gates told when the app adds or removes listeners; once, at the start. */
  protected watch(...gates: readonly EventGate[]): void {
    this.#gates = gates;
    this.#server.on('newListener', this.#listenersChanged);
    this.#server.on('removeListener', this.#listenersChanged);
  }

  readonly #listenersChanged = (event: string | symbol): void => {
    for (const gate of this.#gates) if (gate.event === event) gate.listenersChanged();
  };

  add(filter: Filter): void {
    if (!this.#filters.includes(filter)) this.#filters = [...this.#filters, filter];
  }

  /** Answers whether that was the last one: the server is then as it was before. */
  remove(filter: Filter): boolean {
    this.#filters = this.#filters.filter((other) => other !== filter);
    if (this.#filters.length > 0) return false;
    this.#server.removeListener('newListener', this.#listenersChanged);
    this.#server.removeListener('removeListener', this.#listenersChanged);
    for (const gate of this.#gates) gate.close();
    return true;
  }
}

/** One guard for each server that has filters. */
export class ServerGuards<Filter> {
  readonly #guards = new WeakMap<Server, ServerGuard<Filter>>();
  readonly #create: (server: Server) => ServerGuard<Filter>;

  constructor(create: (server: Server) => ServerGuard<Filter>) {
    this.#create = create;
  }

  /**
   * Puts a filter behind those that the server has already. Answers what takes it away again. A filter
   * that is there stays where it is.
   */
  attach(server: Server, filter: Filter): () => void {
    const guard = this.#guards.get(server) ?? this.#create(server);
    this.#guards.set(server, guard);
    guard.add(filter);
    return () => {
      if (this.#guards.get(server)?.remove(filter) === true) this.#guards.delete(server);
    };
  }
}
