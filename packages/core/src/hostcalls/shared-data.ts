import { Status } from '../abi/types.js';
import type { HostServices } from '../services/host-services.js';
import type { Vm } from '../vm/vm.js';
import { complaint } from './complaint.js';

/**
 * Reads a value that plugins with the same vm id share, and its version.
 *
 * - `keyPtr`, `keySize`: guest address and size of the key
 * - `returnValuePtr`: guest address of u32 that receives the address of the value
 * - `returnValueSizePtr`: guest address of u32 that receives its size
 * - `returnCasPtr`: guest address of u32 that receives the version, never 0
 *
 * Allowed in every callback.
 *
 * - NOT_FOUND: no such key
 * - INTERNAL_FAILURE: the store failed; the log says why
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_shared_data
 */
export function getSharedData(vm: Vm, { sharedState }: HostServices) {
  const { memory, identity } = vm;
  const failed = complaint(vm, 'proxy_get_shared_data');
  return (
    keyPtr: number,
    keySize: number,
    returnValuePtr: number,
    returnValueSizePtr: number,
    returnCasPtr: number,
  ): Status => {
    vm.active.ensureUnrestricted();
    const key = memory.readLatin1(keyPtr >>> 0, keySize >>> 0);
    if (key === undefined) return Status.INVALID_MEMORY_ACCESS;
    let found;
    try {
      found = sharedState.get(identity.vmId, key);
    } catch (error) {
      return failed(error);
    }
    if (found === undefined) return Status.NOT_FOUND;
    if (!memory.contains(returnCasPtr >>> 0, 4)) return Status.INVALID_MEMORY_ACCESS;
    const status = vm.returnBytes(found.value, returnValuePtr >>> 0, returnValueSizePtr >>> 0);
    if (status === Status.OK) memory.writeU32(returnCasPtr >>> 0, found.cas);
    return status;
  };
}

/**
 * Writes a value that plugins with the same vm id share.
 *
 * - `keyPtr`, `keySize`: guest address and size of the key
 * - `valuePtr`, `valueSize`: guest address and size of the value; copied
 * - `cas`: the version that the value must still have; 0: any. A key that is not there is written
 *   whatever it says
 *
 * Allowed in every callback.
 *
 * - CAS_MISMATCH: the value has another version by now
 * - INTERNAL_FAILURE: `limits.sharedDataBytes` or a limit of the store would be passed, or the store
 *   failed; the log says why
 * - INVALID_MEMORY_ACCESS: key or value lies outside the memory
 *
 * Deviates: Envoy's store has no limits.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_shared_data
 */
export function setSharedData(vm: Vm, { sharedState }: HostServices) {
  const { memory, identity, limits } = vm;
  const failed = complaint(vm, 'proxy_set_shared_data');
  return (
    keyPtr: number,
    keySize: number,
    valuePtr: number,
    valueSize: number,
    cas: number,
  ): Status => {
    vm.active.ensureUnrestricted();
    const key = memory.readLatin1(keyPtr >>> 0, keySize >>> 0);
    const value = memory.copy(valuePtr >>> 0, valueSize >>> 0);
    if (key === undefined || value === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (key.length + value.length > limits.sharedDataBytes) {
      return failed('key and value are larger than limits.sharedDataBytes');
    }
    try {
      const result = sharedState.set(identity.vmId, key, value, cas >>> 0);
      if (result === 'full') return failed(`the shared data of vm id "${identity.vmId}" is full`);
      return result === 'ok' ? Status.OK : Status.CAS_MISMATCH;
    } catch (error) {
      return failed(error);
    }
  };
}
