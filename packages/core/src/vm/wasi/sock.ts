import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

/** `sock_*`: NOTSUP, with zeros where results would be. A filter reaches upstreams by hostcalls. */
export function createSock({ memory }: Vm) {
  const zero = (ptr: number): boolean => memory.writeU32(ptr >>> 0, 0);
  return {
    sock_accept(_fd: number, _flags: number, fdPtr: number): WasiErrno {
      return zero(fdPtr) ? WasiErrno.NOTSUP : WasiErrno.FAULT;
    },

    /** `flagsPtr`: guest address of u16. */
    sock_recv(
      _fd: number,
      _dataPtr: number,
      _dataCount: number,
      _flags: number,
      sizePtr: number,
      flagsPtr: number,
    ): WasiErrno {
      const ptr = flagsPtr >>> 0;
      const written = zero(sizePtr) && memory.writeU8(ptr, 0) && memory.writeU8(ptr + 1, 0);
      return written ? WasiErrno.NOTSUP : WasiErrno.FAULT;
    },

    sock_send(
      _fd: number,
      _dataPtr: number,
      _dataCount: number,
      _flags: number,
      sizePtr: number,
    ): WasiErrno {
      return zero(sizePtr) ? WasiErrno.NOTSUP : WasiErrno.FAULT;
    },

    sock_shutdown: (): WasiErrno => WasiErrno.NOTSUP,
  };
}
