import { Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/**
 * Makes the hostcalls that follow act on another context of this VM, until the callback returns.
 *
 * - `contextId`: the context; 0: the one whose callback runs
 *
 * Allowed in every callback.
 *
 * - BAD_ARGUMENT: no such context
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_set_effective_context
 */
export function setEffectiveContext(vm: Vm) {
  const { contexts } = vm;
  return (contextId: number): Status => {
    vm.active.ensureUnrestricted();
    const context = contextId === 0 ? vm.current : contexts.get(contextId >>> 0);
    if (context === undefined) return Status.BAD_ARGUMENT;
    vm.active = context;
    return Status.OK;
  };
}

/**
 * Says that the plugin has finished what its `proxy_on_done` held up.
 *
 * Allowed in every callback of the plugin.
 *
 * - NOT_FOUND: the plugin is not being closed, or did not hold it up
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_done
 */
export function done(vm: Vm) {
  return (): Status => (vm.active.done() ? Status.OK : Status.NOT_FOUND);
}
