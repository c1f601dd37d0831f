import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

/** `args_*`: there are none. */
export function createArgs({ memory }: Vm) {
  return {
    args_get: (): WasiErrno => WasiErrno.SUCCESS,

    /** Guest addresses of two u32 that receive count and total size. FAULT: outside the memory. */
    args_sizes_get(countPtr: number, sizePtr: number): WasiErrno {
      return memory.writeU32(countPtr >>> 0, 0) && memory.writeU32(sizePtr >>> 0, 0)
        ? WasiErrno.SUCCESS
        : WasiErrno.FAULT;
    },
  };
}
