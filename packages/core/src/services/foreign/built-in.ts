import type { BuiltInFunction } from './caller.js';
import { compress, uncompress } from './compression.js';
import { createExpression, deleteExpression, evaluateExpression } from './expressions.js';
import { clearRouteCache, declareProperty, setEnvoyFilterState } from './filter-state.js';
import { sign, verifySignature } from './signatures.js';

/**
 * Envoy's foreign functions, by name.
 * @see abi.md 6.14
 */
export const BUILT_IN: ReadonlyMap<string, BuiltInFunction> = new Map([
  ['compress', compress],
  ['uncompress', uncompress],
  ['clear_route_cache', clearRouteCache],
  ['set_envoy_filter_state', setEnvoyFilterState],
  ['declare_property', declareProperty],
  ['verify_signature', verifySignature],
  ['sign', sign],
  ['expr_create', createExpression],
  ['expr_evaluate', evaluateExpression],
  ['expr_delete', deleteExpression],
]);
