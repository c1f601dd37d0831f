import type { HostServices } from '../services/host-services.js';
import type { Vm } from '../vm/vm.js';

/**
 * A hostcall's function for one VM. Made once per VM, so that a call finds everything it needs in
 * its closure and allocates nothing. Addresses, sizes, ids and enum values arrive as signed i32:
 * the first thing that happens to each is `>>> 0`.
 */
export type HostcallFactory = (vm: Vm, services: HostServices) => (...args: never[]) => unknown;
