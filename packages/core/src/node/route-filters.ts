/** The chains that routes bring along, and which of several scopes runs them. */
import { invalidOptions } from './invalid-options.js';
import type { RouteOptions } from './scope-filters.js';
import type { WasmFilter } from './wasm-filter.js';

/** By a route's options and its URL pattern: who runs the chain. */
type Owners = Map<RouteOptions, Map<string, RouteFilters>>;

/** By the server that scopes have in common. */
const ownersOf = new WeakMap<object, Owners>();

/** Those of one scope: of the routes that it is nearest to. */
export class RouteFilters {
  readonly #create: (options: RouteOptions) => WasmFilter;
  readonly #filters = new Map<RouteOptions, WasmFilter>();
  /** The routes with options of their own that have come by. */
  readonly #routes: (readonly [RouteOptions, url: string])[] = [];
  readonly #owners: Owners;

  constructor(server: object, create: (options: RouteOptions) => WasmFilter) {
    this.#create = create;
    this.#owners = ownersOf.get(server) ?? (new Map() as Owners);
    ownersOf.set(server, this.#owners);
  }

  /** Called for each route, from the root inwards: the last to meet it is the nearest. */
  meet(value: unknown, url: string): void {
    if (value === undefined || typeof value === 'boolean') return;
    if (typeof value !== 'object' || value === null) {
      throw invalidOptions(
        `a route's config.wasmFilter is false or options, not a ${typeof value}`,
      );
    }
    const options: RouteOptions = value;
    if (options.plugins !== undefined) this.#own(options, url);
    this.#routes.push([options, url]);
  }

  #own(options: RouteOptions, url: string): void {
    const owners = this.#owners.get(options) ?? new Map<string, RouteFilters>();
    owners.set(url, this);
    this.#owners.set(options, owners);
  }

  /** Null: a nearer scope's runs there. */
  filterFor(options: RouteOptions, url: string): WasmFilter | null {
    if (options.plugins !== undefined) {
      const owner = this.#owners.get(options)?.get(url);
      if (owner !== undefined && owner !== this) return null;
      // A route that was defined before its scope's filters, at its first request.
      if (owner === undefined) this.#own(options, url);
    }
    return this.#filters.get(options) ?? this.#make(options);
  }

  #make(options: RouteOptions): WasmFilter {
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
