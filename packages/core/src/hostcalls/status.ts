import { Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/**
 * Tells how the plugin's last HTTP or gRPC call ended: inside the callback that reports it.
 *
 * - `returnCodePtr`: guest address of u32 that receives the code
 * - `returnMessagePtr`: guest address of u32 that receives the address of the message
 * - `returnMessageSizePtr`: guest address of u32 that receives its size
 *
 * Allowed in every callback; always answered for the plugin context.
 *
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory, or the guest has no memory to give
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_get_status
 */
export function getStatus(vm: Vm) {
  const { memory } = vm;
  return (
    returnCodePtr: number,
    returnMessagePtr: number,
    returnMessageSizePtr: number,
  ): Status => {
    const { code, message } = vm.active.callStatus();
    if (!memory.contains(returnCodePtr >>> 0, 4)) return Status.INVALID_MEMORY_ACCESS;
    const status = vm.returnBytes(
      Buffer.from(message),
      returnMessagePtr >>> 0,
      returnMessageSizePtr >>> 0,
    );
    if (status === Status.OK) memory.writeU32(returnCodePtr >>> 0, code);
    return status;
  };
}
