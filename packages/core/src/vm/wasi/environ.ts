import { WasiErrno } from '../../abi/types.js';
import type { Vm } from '../vm.js';

/**
 * `environ_*`: the plugin's `vm.environment`, and nothing of the process's own.
 *
 * ```
 * at environPtr:  u32 address of entry 0 | u32 address of entry 1 | …
 * at bufferPtr:   KEY=VALUE\0 | KEY=VALUE\0 | …
 * ```
 */
export function createEnviron({ memory, identity }: Vm) {
  const entries = Object.entries(identity.environment).map(([name, value]) =>
    Buffer.from(`${name}=${value}\0`, 'utf8'),
  );
  const sizeBytes = entries.reduce((sum, { length }) => sum + length, 0);
  return {
    /** FAULT: an address outside the memory. */
    environ_get(environPtr: number, bufferPtr: number): WasiErrno {
      let slot = environPtr >>> 0;
      let ptr = bufferPtr >>> 0;
      for (const entry of entries) {
        if (!memory.writeU32(slot, ptr) || !memory.writeBytes(ptr, entry)) return WasiErrno.FAULT;
        slot += 4;
        ptr += entry.length;
      }
      return WasiErrno.SUCCESS;
    },

    /** Guest addresses of two u32 that receive count and total size. FAULT: outside the memory. */
    environ_sizes_get(countPtr: number, sizePtr: number): WasiErrno {
      return memory.writeU32(countPtr >>> 0, entries.length) &&
        memory.writeU32(sizePtr >>> 0, sizeBytes)
        ? WasiErrno.SUCCESS
        : WasiErrno.FAULT;
    },
  };
}
