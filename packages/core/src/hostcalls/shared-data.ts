import { unimplemented } from './unimplemented.js';

/**
 * Reads a value and its version.
 *
 * - UNIMPLEMENTED: always; key-value data shared by the VMs of one vm id are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_shared_data
 */
export const getSharedData = unimplemented('proxy_get_shared_data');

/**
 * Writes a value, if its version is still the given one.
 *
 * - UNIMPLEMENTED: always; key-value data shared by the VMs of one vm id are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_shared_data
 */
export const setSharedData = unimplemented('proxy_set_shared_data');
