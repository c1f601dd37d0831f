import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { ProxyWasmError } from '@proxy-wasm-node/core';
import {
  createWasmFilter,
  PluginChain,
  type FrameworkHooks,
  type WasmFilter,
} from '@proxy-wasm-node/core/node';

import { addRootFilter, dispatchAgain, hasRun } from './dispatch-again.js';
import type { RouteFilterOptions, WasmFilterPluginOptions } from './index.js';
import { answerThroughReply, noteReply, passOn } from './local-answer.js';

type RouteValue = boolean | RouteFilterOptions | undefined;

/** Who runs the chain that a route brings along, by its options and its URL pattern. */
type Owners = Map<RouteFilterOptions, Map<string, Registration>>;

/** By the app's server. */
const routeOwners = new WeakMap<object, Owners>();

/** One `app.register(wasmFilter, …)`: its chain, and those of the routes that are nearest to it. */
export class Registration {
  readonly #app: FastifyInstance;
  readonly #options: WasmFilterPluginOptions;
  readonly #hooks: FrameworkHooks;
  readonly #chain: PluginChain;
  readonly #filter: WasmFilter;
  /** By a route's `config.wasmFilter`. */
  readonly #routeFilters = new Map<RouteFilterOptions, WasmFilter>();
  /** The routes with options of their own that have come by. */
  readonly #routes: (readonly [RouteFilterOptions, url: string])[] = [];
  readonly #owners: Owners;
  /** Registered where every route is, so that a request can be given to any of them. */
  readonly #isRoot: boolean;
  #hasWarned = false;

  constructor(app: FastifyInstance, options: WasmFilterPluginOptions) {
    this.#app = app;
    this.#options = options;
    this.#hooks = { answer: answerThroughReply, logger: app.log };
    this.#chain = new PluginChain(options.plugins, options.host, app.log);
    this.#filter = createWasmFilter(this.#chain, options, this.#hooks);
    this.#isRoot = Object.hasOwn(app, 'routing');
    this.#owners = routeOwners.get(app.server) ?? (new Map() as Owners);
    routeOwners.set(app.server, this.#owners);
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
    const filter = this.#filterFor(config.wasmFilter, pattern);
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

  // --- routes -----------------------------------------------------------------------------------

  /** Called for each route, from the root inwards: the last to meet it is the nearest. */
  meetRoute(value: unknown, url: string): void {
    if (value === undefined || typeof value === 'boolean') return;
    if (typeof value !== 'object' || value === null) {
      throw invalid(`a route's config.wasmFilter is false or options, not a ${typeof value}`);
    }
    const options: RouteFilterOptions = value;
    if (options.plugins !== undefined) this.#own(options, url);
    this.#routes.push([options, url]);
  }

  #own(options: RouteFilterOptions, url: string): void {
    const owners = this.#owners.get(options) ?? new Map<string, Registration>();
    owners.set(url, this);
    this.#owners.set(options, owners);
  }

  /** Null: none runs here, or a nearer registration's. */
  #filterFor(value: RouteValue, url: string): WasmFilter | null {
    if (value === undefined || value === true) return this.#filter;
    if (value === false) return null;
    if (value.plugins !== undefined) {
      const owner = this.#owners.get(value)?.get(url);
      if (owner !== undefined && owner !== this) return null;
      // A route that was defined before the registration, at its first request.
      if (owner === undefined) this.#own(value, url);
    }
    return this.#routeFilters.get(value) ?? this.#makeFor(value);
  }

  #makeFor(route: RouteFilterOptions): WasmFilter {
    const options = { ...this.#options, ...route };
    const filter = createWasmFilter(route.plugins ?? this.#chain, options, this.#hooks);
    this.#routeFilters.set(route, filter);
    return filter;
  }

  // --- the app's life ---------------------------------------------------------------------------

  async ready(): Promise<void> {
    for (const [route, url] of this.#routes) this.#filterFor(route, url);
    await Promise.all(this.#filters().map((filter) => this.#started(filter)));
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
    await Promise.all(this.#filters().map((filter) => filter.close()));
  }

  #filters(): WasmFilter[] {
    return [this.#filter, ...this.#routeFilters.values()];
  }
}

function invalid(message: string): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_OPTIONS_INVALID', `wasmFilter: ${message}`);
}
