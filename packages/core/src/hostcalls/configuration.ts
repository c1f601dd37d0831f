import { BufferType, type Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';
import { returnBuffer } from './buffers.js';

/**
 * Reads the plugin's configuration while the plugin context is created or configured, else the
 * VM's. ABI 0.1.0 only: later ones read the buffers VM_CONFIGURATION and PLUGIN_CONFIGURATION.
 *
 * - `returnBufferPtr`: guest address of u32 that receives the address of the bytes
 * - `returnBufferSizePtr`: guest address of u32 that receives their size
 *
 * Allowed in every callback.
 *
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.1.0#proxy_get_configuration
 */
export function getConfiguration(vm: Vm) {
  return (returnBufferPtr: number, returnBufferSizePtr: number): Status => {
    const context = vm.active;
    const buffer =
      context.buffer(BufferType.PLUGIN_CONFIGURATION) ??
      context.buffer(BufferType.VM_CONFIGURATION);
    const returnPtr = returnBufferPtr >>> 0;
    const returnSizePtr = returnBufferSizePtr >>> 0;
    if (buffer === undefined) return vm.returnEmpty(returnPtr, returnSizePtr);
    return returnBuffer(vm, buffer, 0, buffer.length, returnPtr, returnSizePtr);
  };
}
