/** proxy-wasm filters as Express middleware, for Express 5 and 4. */
import {
  createWasmFilter,
  type FilterPlugins,
  type ServerRequest,
  type WasmFilter,
  type WasmFilterOptions,
} from '@proxy-wasm-node/core/node';

export { filterState, type WasmFilter, type WasmFilterOptions } from '@proxy-wasm-node/core/node';

/** What of Express's request a change of path touches. */
interface RoutedRequest {
  url: string;
  query?: unknown;
  readonly app?: { get(setting: string): unknown };
}

/**
 * Makes a middleware of filters: app-wide, on a path, or on one route. Later filters on the same
 * request join its chain. After a filter changed `:path`, what comes after is matched on the new
 * `req.url`; a mounted filter stays in its mount, and `req.originalUrl` stays what the client sent.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function wasmFilter(plugins: FilterPlugins, options: WasmFilterOptions = {}): WasmFilter {
  return createWasmFilter(plugins, options, { rerouted: refreshQuery });
}

/** Express 4 reads the query once, before any middleware; Express 5 whenever it is asked for. */
function refreshQuery(request: ServerRequest): void {
  const req = request as unknown as RoutedRequest;
  if (!Object.hasOwn(req, 'query')) return;
  const parse = req.app?.get('query parser fn');
  if (typeof parse !== 'function') return;
  const at = req.url.indexOf('?');
  req.query = at < 0 ? {} : (parse as (text: string) => unknown)(req.url.slice(at + 1));
}
