import { unimplemented } from './unimplemented.js';

/**
 * Calls one by its name.
 *
 * - UNIMPLEMENTED: always; functions that the host adds to the ABI are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_call_foreign_function
 */
export const callForeignFunction = unimplemented('proxy_call_foreign_function');
