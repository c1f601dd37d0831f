import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

/** `path_*`: a guest has no directories, so nothing is there (NOENT) and nothing can be done. */
export function createPath({ memory }: Vm) {
  const notSupported = (): WasiErrno => WasiErrno.NOTSUP;
  return {
    path_open: (): WasiErrno => WasiErrno.NOENT,

    /** `sizePtr`: guest address of u32 that receives the bytes used: 0. */
    path_readlink(
      _fd: number,
      _pathPtr: number,
      _pathSize: number,
      _bufferPtr: number,
      _bufferSize: number,
      sizePtr: number,
    ): WasiErrno {
      return memory.writeU32(sizePtr >>> 0, 0) ? WasiErrno.NOTSUP : WasiErrno.FAULT;
    },

    path_create_directory: notSupported,
    path_filestat_get: notSupported,
    path_filestat_set_times: notSupported,
    path_link: notSupported,
    path_remove_directory: notSupported,
    path_rename: notSupported,
    path_symlink: notSupported,
    path_unlink_file: notSupported,
  };
}
