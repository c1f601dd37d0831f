import { LogLevel, Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/**
 * What stands in for a hostcall that the plugin's `capabilities` leave out: INTERNAL_FAILURE, and
 * once per VM a warning that names function and plugin.
 */
export function notAllowed(vm: Vm, hostcall: string): () => Status {
  let told = false;
  return () => {
    if (!told) {
      told = true;
      const name = vm.current.property(['plugin_name']);
      const plugin = typeof name === 'string' ? `plugin "${name}"` : 'the module';
      const text = `${hostcall} is not among the capabilities of ${plugin}, which gets INTERNAL_FAILURE`;
      vm.current.log(LogLevel.WARN, text);
    }
    return Status.INTERNAL_FAILURE;
  };
}
