import { LogLevel, Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';
import type { HostcallFactory } from './hostcall.js';

const names = new Set<string>();

/** Whether a hostcall answers UNIMPLEMENTED, whatever it is asked. */
export function isUnimplemented(name: string): boolean {
  return names.has(name);
}

/**
 * A hostcall of a family that this host does not have yet: UNIMPLEMENTED, never OK, and once per
 * VM a warning that names function and plugin. Restricted like the real one.
 */
export function unimplemented(name: string): HostcallFactory {
  names.add(name);
  return (vm) => {
    const tell = onceTold(vm, (plugin) => {
      return `${name} is not built yet in this host; ${plugin} gets UNIMPLEMENTED`;
    });
    return () => {
      vm.active.ensureUnrestricted();
      tell();
      return Status.UNIMPLEMENTED;
    };
  };
}

/**
 * What stands in for a hostcall that the plugin's `capabilities` leave out: INTERNAL_FAILURE, and
 * once per VM a warning.
 */
export function notAllowed(vm: Vm, name: string): () => Status {
  const tell = onceTold(vm, (plugin) => {
    return `${name} is not among the capabilities of ${plugin}, which gets INTERNAL_FAILURE`;
  });
  return () => {
    tell();
    return Status.INTERNAL_FAILURE;
  };
}

function onceTold(vm: Vm, text: (plugin: string) => string): () => void {
  let told = false;
  return () => {
    if (told) return;
    told = true;
    const name = vm.current.property(['plugin_name']);
    const plugin = typeof name === 'string' ? `plugin "${name}"` : 'the module';
    vm.current.log(LogLevel.WARN, text(plugin));
  };
}
