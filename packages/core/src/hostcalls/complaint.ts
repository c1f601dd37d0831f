import { LogLevel, Status } from '../abi/types.js';
import { messageOf } from '../errors.js';
import type { Vm } from '../vm/vm.js';

/** A guest that runs into the same wall with each request must not fill the log. */
const INTERVAL_MS = 10_000;

/**
 * What is done when a service has failed a hostcall: logs the reason (a text, or what was thrown)
 * for the plugin that calls, at most once in ten seconds for each VM, and answers the status.
 *
 * @param what has failed, as the log names it
 */
export function complaint(vm: Vm, what: string): (reason: unknown, status?: Status) => Status {
  let lastMs = -Infinity;
  return (reason, status = Status.INTERNAL_FAILURE) => {
    const nowMs = performance.now();
    if (nowMs - lastMs >= INTERVAL_MS) {
      lastMs = nowMs;
      const text = `${what} failed: ${messageOf(reason)}; the guest gets ${nameOf(status)}`;
      vm.current.log(LogLevel.WARN, text);
    }
    return status;
  };
}

function nameOf(status: Status): string {
  return Object.entries(Status).find(([, value]) => value === status)?.[0] ?? String(status);
}
