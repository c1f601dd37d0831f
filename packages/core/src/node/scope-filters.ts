/** For frameworks with scopes, whose routes may bring chains of their own. */
import type { Logger } from '../logger.js';
import { PluginChain, type FilterPlugins } from './plugin-chain.js';
import { RouteFilters } from './route-filters.js';
import {
  createWasmFilter,
  type FrameworkHooks,
  type WasmFilter,
  type WasmFilterOptions,
} from './wasm-filter.js';

export interface ScopeOptions extends WasmFilterOptions {
  /**
   * One plugin or several: requests run through them first to last, responses last to first. Or a
   * chain made with `createPluginChain`, which stays open when the app closes.
   */
  plugins: FilterPlugins;
}

/**
 * A route's own chain, in the place of those of the scopes it is in. Without `plugins`: their
 * chains, with other options.
 */
export type RouteOptions = Partial<ScopeOptions>;

/** The filter of one scope of an app, and those of the routes that are nearest to it. */
export class ScopeFilters {
  readonly filter: WasmFilter;
  readonly #options: ScopeOptions;
  readonly #chain: PluginChain;
  readonly #routes: RouteFilters;

  /**
   * @param server that the scopes have in common
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
   */
  constructor(
    server: object,
    options: ScopeOptions,
    hooks: FrameworkHooks & { readonly logger: Logger },
  ) {
    const { plugins, host } = options;
    const isChain = plugins instanceof PluginChain;
    this.#options = options;
    this.#chain = isChain ? plugins : new PluginChain(plugins, host, hooks.logger);
    this.filter = createWasmFilter(this.#chain, options, hooks);
    this.#routes = new RouteFilters(server, (route) =>
      createWasmFilter(route.plugins ?? this.#chain, { ...options, ...route }, hooks),
    );
  }

  /**
   * Called for each route of the scope and those within, with what the route says of filters.
   *
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
   */
  meet(value: unknown, url: string): void {
    this.#routes.meet(value, url);
  }

  /** What runs on a route. Null: nothing does, or what a nearer scope has for it. */
  filterFor(value: boolean | RouteOptions | undefined, url: string): WasmFilter | null {
    if (value === undefined || value === true) return this.filter;
    return value === false ? null : this.#routes.filterFor(value, url);
  }

  /**
   * Resolves when all have started, or could not.
   *
   * @param failed told of each that could not
   */
  async ready(failed: (error: Error) => void): Promise<void> {
    this.#routes.makeAll();
    await Promise.all(this.#filters.map((filter) => filter.ready().catch(failed)));
  }

  /** Closes the plugins that it has made. */
  async close(): Promise<void> {
    await Promise.all(this.#filters.map((filter) => filter.close()));
    if (this.#chain !== this.#options.plugins) await this.#chain.close();
  }

  get #filters(): readonly WasmFilter[] {
    return [this.filter, ...this.#routes.made];
  }
}
