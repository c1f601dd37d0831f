import { unimplemented } from './unimplemented.js';

/**
 * Sends a request to an upstream.
 *
 * - UNIMPLEMENTED: always; HTTP calls to upstreams are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_http_call
 */
export const httpCall = unimplemented('proxy_http_call');
