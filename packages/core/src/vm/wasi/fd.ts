import { WasiErrno } from '../../abi/types.js';
import type { GuestMemory } from '../memory.js';
import { isOutput, type WasiProcess } from './process.js';

/** POSIX's usual IOV_MAX. */
const MAX_IOVECS = 1024;

/** Rights bit for `fd_write`. */
const FD_WRITE_RIGHT = 64n;

const ok = (): WasiErrno => WasiErrno.SUCCESS;
const badFd = (): WasiErrno => WasiErrno.BADF;
const noSystem = (): WasiErrno => WasiErrno.NOSYS;
const okIfOutput = (fd: number): WasiErrno => (isOutput(fd) ? WasiErrno.SUCCESS : WasiErrno.BADF);

/** `fd_*`: stdout and stderr take output, and there is no other file. */
export function createFd(process: WasiProcess) {
  const { memory } = process.vm;
  const write = (fd: number, iovsPtr: number, iovs: number, writtenPtr: number): WasiErrno =>
    fdWrite(process, fd, { ptr: iovsPtr >>> 0, count: iovs >>> 0 }, writtenPtr >>> 0);
  return {
    /**
     * - `iovsPtr`: guest address of `iovs` pairs of u32, address and size
     * - `writtenPtr`: guest address of u32 that receives the bytes taken: all of them
     *
     * BADF: neither stdout nor stderr. INVAL: too many pairs. FAULT: an address outside the memory.
     */
    fd_write: write,

    /** As `fd_write`: streams have no offset. */
    fd_pwrite(fd: number, iovsPtr: number, iovs: number, _offset: bigint, writtenPtr: number) {
      return write(fd, iovsPtr, iovs, writtenPtr);
    },

    fd_read: noSystem,
    fd_pread: noSystem,
    fd_seek: ok,
    fd_close: ok,

    /** `statPtr`: guest address of 24 bytes: type and flags 0, rights to write, none to inherit. */
    fd_fdstat_get(fd: number, statPtr: number): WasiErrno {
      if (!isOutput(fd)) return WasiErrno.BADF;
      const ptr = statPtr >>> 0;
      if (!memory.contains(ptr, 24)) return WasiErrno.FAULT;
      memory.writeU64(ptr, 0n);
      memory.writeU64(ptr + 8, FD_WRITE_RIGHT);
      memory.writeU64(ptr + 16, 0n);
      return WasiErrno.SUCCESS;
    },

    fd_fdstat_set_flags: noSystem,
    fd_prestat_dir_name: noSystem,
    // BADF for the first descriptor ends a C library's search for directories.
    fd_prestat_get: badFd,
    fd_filestat_get: badFd,
    fd_advise: ok,
    fd_fdstat_set_rights: okIfOutput,
    fd_filestat_set_size: okIfOutput,
    fd_filestat_set_times: okIfOutput,
    fd_allocate: okIfOutput,
    fd_datasync: okIfOutput,
    fd_sync: okIfOutput,

    /** `offsetPtr`: guest address of u64 that receives the offset: 0. */
    fd_tell(fd: number, offsetPtr: number): WasiErrno {
      if (!isOutput(fd)) return WasiErrno.BADF;
      return memory.writeU64(offsetPtr >>> 0, 0n) ? WasiErrno.SUCCESS : WasiErrno.FAULT;
    },

    fd_renumber(from: number, to: number): WasiErrno {
      return isOutput(from) && isOutput(to) ? WasiErrno.NOTSUP : WasiErrno.BADF;
    },

    /** `sizePtr`: guest address of u32 that receives the bytes used: 0. */
    fd_readdir(
      _fd: number,
      _bufferPtr: number,
      _bufferSize: number,
      _cookie: bigint,
      sizePtr: number,
    ): WasiErrno {
      // cpp-host's answer: 20 is EXIST, though it means NOTDIR.
      return memory.writeU32(sizePtr >>> 0, 0) ? WasiErrno.EXIST : WasiErrno.FAULT;
    },
  };
}

interface Iovecs {
  readonly ptr: number;
  readonly count: number;
}

/** Everything is checked before anything is written. */
function fdWrite(process: WasiProcess, fd: number, iovecs: Iovecs, writtenPtr: number): WasiErrno {
  const { memory } = process.vm;
  if (!isOutput(fd)) return WasiErrno.BADF;
  if (iovecs.count > MAX_IOVECS) return WasiErrno.INVAL;
  if (!memory.contains(writtenPtr, 4)) return WasiErrno.FAULT;
  const pieces: Uint8Array[] = [];
  for (let index = 0; index < iovecs.count; index += 1) {
    const piece = readIovec(memory, iovecs.ptr + index * 8);
    if (piece === undefined) return WasiErrno.FAULT;
    pieces.push(piece);
  }
  let written = 0;
  for (const piece of pieces) {
    process.write(fd, piece);
    written += piece.length;
  }
  memory.writeU32(writtenPtr, written);
  return WasiErrno.SUCCESS;
}

function readIovec(memory: GuestMemory, ptr: number): Uint8Array | undefined {
  const start = memory.readU32(ptr);
  const length = memory.readU32(ptr + 4);
  return start === undefined || length === undefined ? undefined : memory.slice(start, length);
}
