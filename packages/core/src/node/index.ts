/** The kit for servers on Node's own HTTP objects: `@proxy-wasm-node/core/node`. */
export {
  createWasmFilter,
  filterState,
  mayAnswer,
  wasmFilter,
  type FrameworkHooks,
  type WasmFilter,
  type WasmFilterOptions,
} from './wasm-filter.js';
export { ScopeFilters, type RouteOptions, type ScopeOptions } from './scope-filters.js';
export { hasRun, markRun } from './filters-run.js';
export { keepShape } from '../vm/kept-shape.js';
export { invalidOptions } from './invalid-options.js';
export { BODY_HEADERS } from './local-head.js';
export type { LocalAnswer } from './local-answer.js';
export { addRequestHeader } from './add-request-header.js';
export type { AddedAttributes, Next, Over } from './exchange.js';
export type { ServerReply, ServerRequest } from './messages.js';
export {
  createPluginChain,
  PluginChain,
  type FilterPlugins,
  type PluginInput,
} from './plugin-chain.js';
