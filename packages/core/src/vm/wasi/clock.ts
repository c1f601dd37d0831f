import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

const REALTIME = 0;
const MONOTONIC = 1;

/** `clock_*`: wall clock and monotonic clock; NOTSUP for the clocks of processor time. */
export function createClock(vm: Vm) {
  const { memory } = vm;
  const write = (ptr: number, timeNs: bigint): WasiErrno =>
    memory.writeU64(ptr >>> 0, timeNs) ? WasiErrno.SUCCESS : WasiErrno.FAULT;
  return {
    /** Guest address of u64 that receives the resolution in nanoseconds. */
    clock_res_get(id: number, resolutionPtr: number): WasiErrno {
      return id === REALTIME || id === MONOTONIC ? write(resolutionPtr, 1n) : WasiErrno.NOTSUP;
    },

    /** Guest address of u64 that receives nanoseconds; never 0, which Go takes for no clock. */
    clock_time_get(id: number, _precision: bigint, timePtr: number): WasiErrno {
      if (id === REALTIME) return write(timePtr, BigInt.asUintN(64, vm.nowNs()));
      return id === MONOTONIC ? write(timePtr, process.hrtime.bigint()) : WasiErrno.NOTSUP;
    },
  };
}
