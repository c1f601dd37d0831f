import { unimplemented } from './unimplemented.js';

/**
 * Starts the timer of the plugin context.
 *
 * - UNIMPLEMENTED: always; timers are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_tick_period_milliseconds
 */
export const setTickPeriod = unimplemented('proxy_set_tick_period_milliseconds');
