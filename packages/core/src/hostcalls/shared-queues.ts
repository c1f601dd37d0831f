import { unimplemented } from './unimplemented.js';

/**
 * Creates a queue, or finds it again.
 *
 * - UNIMPLEMENTED: always; queues shared by VMs are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_register_shared_queue
 */
export const registerSharedQueue = unimplemented('proxy_register_shared_queue');

/**
 * Finds a queue of any vm id.
 *
 * - UNIMPLEMENTED: always; queues shared by VMs are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_resolve_shared_queue
 */
export const resolveSharedQueue = unimplemented('proxy_resolve_shared_queue');

/**
 * Appends a message.
 *
 * - UNIMPLEMENTED: always; queues shared by VMs are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_enqueue_shared_queue
 */
export const enqueueSharedQueue = unimplemented('proxy_enqueue_shared_queue');

/**
 * Takes the oldest message.
 *
 * - UNIMPLEMENTED: always; queues shared by VMs are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_dequeue_shared_queue
 */
export const dequeueSharedQueue = unimplemented('proxy_dequeue_shared_queue');
