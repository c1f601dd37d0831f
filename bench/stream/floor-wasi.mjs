/** As much of WASI as the example filters' languages need to start and run. */
import { randomFillSync } from 'node:crypto';

import { review } from './floor-memory.mjs';

/** @typedef {import('./floor-memory.mjs').Floor} Floor */

const OK = 0;
const BAD_FILE_DESCRIPTOR = 8;
const NOT_SUPPORTED = 52;

/** Thrown by `proc_exit`. */
export const PROCESS_EXITED = new Error('proc_exit');

/**
 * @param {Floor} floor
 * @returns {Record<string, WebAssembly.ImportValue>}
 */
export function floorWasi(floor) {
  const view = () => {
    review(floor);
    return floor.view;
  };
  /** @param {number} countPtr @param {number} sizePtr */
  const noStrings = (countPtr, sizePtr) => {
    view().setUint32(countPtr, 0, true);
    view().setUint32(sizePtr, 0, true);
    return OK;
  };
  return {
    args_sizes_get: noStrings,
    args_get: () => OK,
    environ_sizes_get: noStrings,
    environ_get: () => OK,
    sched_yield: () => OK,
    fd_close: () => OK,
    fd_seek: () => NOT_SUPPORTED,
    fd_read: () => BAD_FILE_DESCRIPTOR,
    fd_fdstat_get: () => BAD_FILE_DESCRIPTOR,
    fd_fdstat_set_flags: () => OK,
    fd_prestat_get: () => BAD_FILE_DESCRIPTOR,
    fd_prestat_dir_name: () => BAD_FILE_DESCRIPTOR,
    poll_oneoff: () => NOT_SUPPORTED,
    /** @param {number} _clock @param {bigint} _precision @param {number} ptr */
    clock_time_get: (_clock, _precision, ptr) => {
      view().setBigUint64(ptr, process.hrtime.bigint(), true);
      return OK;
    },
    /** @param {number} ptr @param {number} size */
    random_get: (ptr, size) => {
      view();
      randomFillSync(floor.bytes, ptr, size);
      return OK;
    },
    fd_write: dropWrite(view),
    proc_exit: () => {
      throw PROCESS_EXITED;
    },
  };
}

/**
 * Nothing is printed; the guest is told that all was.
 *
 * @param {() => DataView} view
 * @returns {(...values: number[]) => number}
 */
function dropWrite(view) {
  return (_fd, vectorsPtr, count, writtenPtr) => {
    const memory = view();
    let written = 0;
    for (let index = 0; index < count; index += 1) {
      written += memory.getUint32(vectorsPtr + index * 8 + 4, true);
    }
    memory.setUint32(writtenPtr, written, true);
    return OK;
  };
}
