import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import {
  createWasmFilter,
  PluginChain,
  type FrameworkHooks,
  type WasmFilter,
} from '@proxy-wasm-node/core/node';

import { addRootFilter, dispatchAgain, hasRun } from './dispatch-again.js';
import type { RouteFilterOptions, WasmFilterPluginOptions } from './index.js';
import { invalid } from './invalid.js';
import { answerThroughReply, noteReply, passOn } from './local-answer.js';
import { RouteFilters } from './route-filters.js';

/** One `app.register(wasmFilter, …)`: its chain, and those of the routes that are nearest to it. */
export class Registration {
  readonly #app: FastifyInstance;
  readonly #options: WasmFilterPluginOptions;
  readonly #chain: PluginChain;
  readonly #filter: WasmFilter;
  readonly routes: RouteFilters;
  /** Registered where every route is, so that a request can be given to any of them. */
  readonly #isRoot: boolean;
  #hasWarned = false;

  constructor(app: FastifyInstance, options: WasmFilterPluginOptions) {
    this.#app = app;
    this.#options = options;
    const { plugins, host } = options;
    this.#chain =
      plugins instanceof PluginChain ? plugins : new PluginChain(plugins, host, app.log);
    const hooks: FrameworkHooks = { answer: answerThroughReply, logger: app.log };
    this.#filter = createWasmFilter(this.#chain, options, hooks);
    this.routes = new RouteFilters(app, (route) =>
      createWasmFilter(route.plugins ?? this.#chain, { ...options, ...route }, hooks),
    );
    this.#isRoot = Object.hasOwn(app, 'routing');
    if (this.#isRoot) addRootFilter(app, this.#filter);
    if (options.attach === true) this.#attach();
  }

  #attach(): void {
    if (!this.#isRoot) throw invalid('attach is for the whole server: register it at the root');
    this.#filter.attach(this.#app.server);
  }

  // --- requests ---------------------------------------------------------------------------------

  /** The `onRequest` hook. */
  enter(request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    const { config, url: pattern = '' } = request.routeOptions;
    const filter = this.#filterOf(config.wasmFilter, pattern);
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

  /** Null: none runs here, or a nearer registration's. */
  #filterOf(value: boolean | RouteFilterOptions | undefined, pattern: string): WasmFilter | null {
    if (value === undefined || value === true) return this.#filter;
    return value === false ? null : this.routes.filterFor(value, pattern);
  }

  /** A filter has changed path or method, and the router was before it. */
  #moved(filter: WasmFilter, request: FastifyRequest, reply: FastifyReply, next: () => void): void {
    if (this.#isRoot && filter === this.#filter) {
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

  // --- the app's life ---------------------------------------------------------------------------

  async ready(): Promise<void> {
    this.routes.makeAll();
    const filters = [this.#filter, ...this.routes.made];
    await Promise.all(filters.map((filter) => this.#started(filter)));
  }

  async #started(filter: WasmFilter): Promise<void> {
    try {
      await filter.ready();
    } catch (error) {
      // It has been logged; but an app without a logger would refuse requests in silence.
      const { level } = this.#app.log as { level?: string };
      if (level === undefined) process.emitWarning(error as Error);
    }
  }

  async close(): Promise<void> {
    const filters = [this.#filter, ...this.routes.made];
    await Promise.all(filters.map((filter) => filter.close()));
    if (this.#chain !== this.#options.plugins) await this.#chain.close();
  }
}
