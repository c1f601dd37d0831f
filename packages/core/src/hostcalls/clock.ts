import { Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/**
 * Tells the time.
 *
 * - `returnTimePtr`: guest address of u64 that receives the nanoseconds since the Unix epoch
 *
 * Allowed in every callback.
 *
 * - INVALID_MEMORY_ACCESS: `returnTimePtr` lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_current_time_nanoseconds
 */
export function getCurrentTimeNanoseconds(vm: Vm) {
  const { memory } = vm;
  return (returnTimePtr: number): Status => {
    vm.active.ensureUnrestricted();
    return memory.writeU64(returnTimePtr >>> 0, BigInt.asUintN(64, vm.nowNs()))
      ? Status.OK
      : Status.INVALID_MEMORY_ACCESS;
  };
}
