import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

/** `poll_oneoff` and `sched_yield`: nothing waits, and Go's scheduler needs both to succeed. */
export function createSched({ memory }: Vm) {
  return {
    /** Guest address of u32 that receives the number of events: 0. FAULT: outside the memory. */
    poll_oneoff(
      _subscriptionsPtr: number,
      _eventsPtr: number,
      _subscriptions: number,
      eventCountPtr: number,
    ): WasiErrno {
      return memory.writeU32(eventCountPtr >>> 0, 0) ? WasiErrno.SUCCESS : WasiErrno.FAULT;
    },

    sched_yield: (): WasiErrno => WasiErrno.SUCCESS,
  };
}
