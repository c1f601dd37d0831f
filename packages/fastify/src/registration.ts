import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { hasRun, invalidOptions, ScopeFilters, type WasmFilter } from '@proxy-wasm-node/core/node';

import { addRootFilter, dispatchAgain } from './dispatch-again.js';
import type { WasmFilterPluginOptions } from './index.js';
import { answerThroughReply, noteReply, passOn } from './local-answer.js';
import { routeConfigOf } from './route-config.js';

/** One `app.register(wasmFilter, …)`. */
export class Registration {
  readonly filters: ScopeFilters;
  readonly #app: FastifyInstance;
  /** Registered where every route is, so that a request can be given to any of them. */
  readonly #isRoot: boolean;
  #hasWarned = false;

  constructor(app: FastifyInstance, options: WasmFilterPluginOptions) {
    this.#app = app;
    this.#isRoot = Object.hasOwn(app, 'routing');
    const hooks = { answer: answerThroughReply, logger: app.log };
    this.filters = new ScopeFilters(app.server, options, hooks);
    if (this.#isRoot) addRootFilter(app, this.filters.filter);
    if (options.attach !== true) return;
    if (!this.#isRoot)
      throw invalidOptions('attach is for the whole server: register it at the root');
    this.filters.filter.attach(app.server);
  }

  /** The `onRequest` hook. */
  enter(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    const { wasmFilter: value, url: pattern = '' } = routeConfigOf(request);
    const filter = this.filters.filterFor(value, pattern);
    if (filter === null) {
      next();
      return;
    }
    const { raw } = request;
    noteReply(reply);
    if (hasRun(raw, filter)) {
      passOn(reply, next);
      return;
    }
    const { url, method } = raw;
    filter(raw, reply.raw, () => {
      if (raw.url === url && raw.method === method) passOn(reply, next);
      else this.#moved(filter, request, reply, next);
    });
  }

  /** A filter has changed path or method, and the router was before it. */
  #moved(filter: WasmFilter, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    if (this.#isRoot && filter === this.filters.filter) {
      dispatchAgain(this.#app, reply, filter);
      return;
    }
    if (!this.#hasWarned) {
      this.#hasWarned = true;
      const message =
        'wasmFilter: a filter of a scope or route set :path or :method; the request stays on its ' +
        'route and sees the new URL. Filters that route are registered at the root';
      request.log.warn({ url: request.raw.url, method: request.raw.method }, message);
    }
    passOn(reply, next);
  }

  /** The `onReady` hook. What fails has been logged; without a logger that would be in silence. */
  ready(): Promise<void> {
    const { level } = this.#app.log as { level?: string };
    return this.filters.ready((error) => {
      if (level === undefined) process.emitWarning(error);
    });
  }
}
