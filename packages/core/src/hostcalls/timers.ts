import { Status } from '../abi/types.js';
import type { HostServices } from '../services/host-services.js';
import type { Vm } from '../vm/vm.js';

/**
 * Starts the plugin's timer: `proxy_on_tick` is called on the plugin context, one period after this
 * and then one period after each callback has returned. A new period starts it anew.
 *
 * - `periodMs`: milliseconds; 0 stops the timer
 *
 * Allowed in every callback. Always OK.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_tick_period_milliseconds
 */
export function setTickPeriod(vm: Vm, { timers }: HostServices) {
  return (periodMs: number): Status => {
    const { root } = vm.active;
    if (root !== undefined) timers.setPeriod(root, periodMs >>> 0);
    return Status.OK;
  };
}
