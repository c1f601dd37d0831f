/**
 * What a server of a configuration needs, without what reads one (and takes 80 ms to load):
 * `@proxy-wasm-node/envoy/serving`.
 */
export { findRoute } from '../find-route.js';
export { configError, describePosition } from '../refusals.js';
