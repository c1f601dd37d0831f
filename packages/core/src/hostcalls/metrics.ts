import { unimplemented } from './unimplemented.js';

/**
 * Creates a counter, gauge or histogram, or finds it again.
 *
 * - UNIMPLEMENTED: always; metrics are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_define_metric
 */
export const defineMetric = unimplemented('proxy_define_metric');

/**
 * Adds to a counter or gauge; the delta is an i64.
 *
 * - UNIMPLEMENTED: always; metrics are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_increment_metric
 */
export const incrementMetric = unimplemented('proxy_increment_metric');

/**
 * Sets a gauge or records a sample; the value is an i64.
 *
 * - UNIMPLEMENTED: always; metrics are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_record_metric
 */
export const recordMetric = unimplemented('proxy_record_metric');

/**
 * Reads a counter or gauge.
 *
 * - UNIMPLEMENTED: always; metrics are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_metric
 */
export const getMetric = unimplemented('proxy_get_metric');
