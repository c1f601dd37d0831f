import type { PropertyValue } from '../vm/context.js';
import type { Vm } from '../vm/vm.js';
import type { PluginSettings } from './plugin-settings.js';

/** A plugin's names for itself, which every context of it has. @see abi.md 7.4 */
export function ownProperty(
  settings: PluginSettings,
  vm: Vm,
  path: readonly string[],
): PropertyValue | undefined {
  if (path.length !== 1) return undefined;
  if (path[0] === 'plugin_name') return settings.name;
  if (path[0] === 'plugin_root_id') return settings.rootId;
  if (path[0] === 'plugin_vm_id') return vm.identity.vmId;
  return undefined;
}
