import { LogLevel, Status } from '../abi/types.js';
import { messageOf } from '../errors.js';
import type { Vm } from '../vm/vm.js';

/** A guest that runs into the same wall with each request must not fill the log. */
const INTERVAL_MS = 10_000;

/**
 * What one hostcall does when a service has failed it: logs the reason (a text, or what was thrown)
 * for the plugin that calls, at most once in ten seconds for each VM, and answers INTERNAL_FAILURE.
 */
export function complaint(vm: Vm, hostcall: string): (reason: unknown) => Status {
  let lastMs = -Infinity;
  return (reason) => {
    const nowMs = performance.now();
    if (nowMs - lastMs >= INTERVAL_MS) {
      lastMs = nowMs;
      const text = `${hostcall} failed: ${messageOf(reason)}; the guest gets InternalFailure`;
      vm.current.log(LogLevel.WARN, text);
    }
    return Status.INTERNAL_FAILURE;
  };
}
