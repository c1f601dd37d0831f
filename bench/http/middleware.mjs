/** What stands before the app: nothing, the hand-written middleware, or a filter. */

/** @typedef {import('@proxy-wasm-node/core').PluginOptions} PluginOptions */
/** @typedef {import('@proxy-wasm-node/core/node').WasmFilterOptions} WasmFilterOptions */

/** @typedef {PluginOptions & Pick<WasmFilterOptions, 'coalesceWrites'>} Filter */
/** @typedef {'none' | 'hand-written' | Filter} Middleware */

/**
 * What `wasmFilter` takes.
 *
 * @param {Filter} filter
 * @returns {[PluginOptions, WasmFilterOptions]}
 */
export function filterOf({ coalesceWrites, ...plugin }) {
  return [plugin, coalesceWrites === undefined ? {} : { coalesceWrites }];
}
