/** The chains that routes bring along in `config.wasmFilter`, and who of several registrations runs them. */
import type { FastifyInstance } from 'fastify';
import type { WasmFilter } from '@proxy-wasm-node/core/node';

import type { RouteFilterOptions } from './index.js';
import { invalid } from './invalid.js';

/** By a route's options and its URL pattern: who runs the chain. */
type Owners = Map<RouteFilterOptions, Map<string, RouteFilters>>;

/** By the app's server. */
const ownersOf = new WeakMap<object, Owners>();

/** Those of one registration: of the routes that it is nearest to. */
export class RouteFilters {
  readonly #create: (options: RouteFilterOptions) => WasmFilter;
  readonly #filters = new Map<RouteFilterOptions, WasmFilter>();
  /** The routes with options of their own that have come by. */
  readonly #routes: (readonly [RouteFilterOptions, url: string])[] = [];
  readonly #owners: Owners;

  constructor(app: FastifyInstance, create: (options: RouteFilterOptions) => WasmFilter) {
    this.#create = create;
    this.#owners = ownersOf.get(app.server) ?? (new Map() as Owners);
    ownersOf.set(app.server, this.#owners);
  }

  /** Called for each route, from the root inwards: the last to meet it is the nearest. */
  meet(value: unknown, url: string): void {
    if (value === undefined || typeof value === 'boolean') return;
    if (typeof value !== 'object' || value === null) {
      throw invalid(`a route's config.wasmFilter is false or options, not a ${typeof value}`);
    }
    const options: RouteFilterOptions = value;
    if (options.plugins !== undefined) this.#own(options, url);
    this.#routes.push([options, url]);
  }

  #own(options: RouteFilterOptions, url: string): void {
    const owners = this.#owners.get(options) ?? new Map<string, RouteFilters>();
    owners.set(url, this);
    this.#owners.set(options, owners);
  }

  /** Null: a nearer registration's runs there. */
  filterFor(options: RouteFilterOptions, url: string): WasmFilter | null {
    if (options.plugins !== undefined) {
      const owner = this.#owners.get(options)?.get(url);
      if (owner !== undefined && owner !== this) return null;
      // A route that was defined before the registration, at its first request.
      if (owner === undefined) this.#own(options, url);
    }
    return this.#filters.get(options) ?? this.#make(options);
  }

  #make(options: RouteFilterOptions): WasmFilter {
    const filter = this.#create(options);
    this.#filters.set(options, filter);
    return filter;
  }

  /** Makes those of all routes that have come by, ahead of their first request. */
  makeAll(): void {
    for (const [options, url] of this.#routes) this.filterFor(options, url);
  }

  get made(): Iterable<WasmFilter> {
    return this.#filters.values();
  }
}
