import { randomFillSync } from 'node:crypto';

import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

/** As cpp-host: a guest that wants more asks again. */
const MAX_RANDOM_BYTES = 65_536;

/** `random_get`, from the cryptographic generator. */
export function createRandom({ memory }: Vm) {
  return {
    /** INVAL: more than 64 KiB. FAULT: outside the memory. */
    random_get(ptr: number, length: number): WasiErrno {
      const sizeBytes = length >>> 0;
      if (sizeBytes > MAX_RANDOM_BYTES) return WasiErrno.INVAL;
      if (sizeBytes === 0) return WasiErrno.SUCCESS;
      const target = memory.slice(ptr >>> 0, sizeBytes);
      if (target === undefined) return WasiErrno.FAULT;
      randomFillSync(target);
      return WasiErrno.SUCCESS;
    },
  };
}
