/** For frameworks whose router has chosen a route before filters run, and is asked once more. */
import type { ServerRequest } from './messages.js';
import type { WasmFilter } from './wasm-filter.js';

const RUN = Symbol('proxy-wasm filters that have run');

type Marked = ServerRequest & { [RUN]?: ReadonlySet<WasmFilter> };

/** Before the router gets a request again: these are not to run on it a second time. */
export function markRun(request: ServerRequest, filters: readonly WasmFilter[]): void {
  (request as Marked)[RUN] = new Set(filters);
}

/** Whether the filter ran before the router got the request again. */
export function hasRun(request: ServerRequest, filter: WasmFilter): boolean {
  return (request as Marked)[RUN]?.has(filter) === true;
}
