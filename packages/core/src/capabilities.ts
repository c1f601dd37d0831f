/** The `capabilities` option: Envoy's names for hostcalls, WASI functions and callbacks. */
import { CALLBACK_SIGNATURES } from './abi/callback-signatures.js';
import { HOSTCALL_SIGNATURES } from './abi/hostcall-signatures.js';
import { WASI_SIGNATURES } from './abi/wasi-signatures.js';
import { nearestOf } from './option-checks.js';

const NAMES = [
  ...Object.keys(HOSTCALL_SIGNATURES),
  ...Object.keys(WASI_SIGNATURES),
  ...Object.keys(CALLBACK_SIGNATURES),
];

/** Whether a function or callback of that name may be used; undefined: all may. */
export function allowedBy(capabilities: readonly string[] | undefined): (name: string) => boolean {
  if (capabilities === undefined) return () => true;
  const names = new Set(capabilities);
  return (name) => names.has(name);
}

/**
 * What is to be said of names that allow nothing: most likely slips. They are no error, since a list
 * may serve several modules, hosts and versions.
 *
 * @param known names beyond the ABI's: host functions, what the module imports
 */
export function unknownCapabilities(
  capabilities: readonly string[] | undefined,
  known: readonly string[],
): string[] {
  const names = new Set([...NAMES, ...known]);
  return [...new Set(capabilities)]
    .filter((name) => !names.has(name))
    .map((name) => {
      const nearest = nearestOf(name, [...names]);
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      return `capabilities has ${JSON.stringify(name)}, which no function or callback is called${hint}`;
    });
}
