import { count, shape } from './option-checks.js';
import { MemoryState, type SharedStateLimits } from './services/memory-state.js';
import type { SharedState } from './services/shared-state.js';

const checkLimits = shape({
  keys: count('keys'),
  dataBytes: count('bytes'),
  queues: count('queues'),
  queueLength: count('messages'),
  queueBytes: count('bytes'),
});

/**
 * A store in this process's memory: the one that a host has by default, to set its limits, or to
 * give it to several hosts.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function createSharedState(limits: SharedStateLimits = {}): SharedState {
  checkLimits(limits, 'limits');
  return new MemoryState(limits);
}
