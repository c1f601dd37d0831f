/**
 * WASI preview 1 as a filter needs it: output becomes log lines, clocks and random bytes work, and
 * there are no files, sockets or arguments.
 * @see https://github.com/WebAssembly/WASI/blob/main/legacy/preview1/docs.md
 */
import { LogLevel, WasiErrno } from '../../abi/types.js';
import type { ImportFunctions } from '../instantiate.js';
import type { Vm } from '../vm.js';
import { createArgs } from './args.js';
import { createClock } from './clock.js';
import { createEnviron } from './environ.js';
import { createFd } from './fd.js';
import { createPath } from './path.js';
import type { WasiProcess } from './process.js';
import { createRandom } from './random.js';
import { createSched } from './sched.js';
import { createSock } from './sock.js';

/**
 * All functions, for either of WASI's module names. Those that the plugin's capabilities leave out
 * are there too, so that the module links, and answer NOTCAPABLE.
 */
export function createWasiImports(process: WasiProcess): ImportFunctions {
  const { vm } = process;
  const functions: ImportFunctions = {
    ...createArgs(vm),
    ...createEnviron(vm),
    ...createClock(vm),
    ...createFd(process),
    ...createPath(vm),
    ...createRandom(vm),
    ...createSched(vm),
    ...createSock(vm),
    proc_exit: (code: number) => process.exit(code >>> 0),
  };
  for (const name of Object.keys(functions)) {
    if (!vm.identity.allowed(name)) functions[name] = notCapable(vm, name);
  }
  return functions;
}

function notCapable(vm: Vm, name: string): () => WasiErrno {
  let told = false;
  return () => {
    if (!told) {
      vm.current.log(
        LogLevel.WARN,
        `${name} is not among the plugin's capabilities; it gets NOTCAPABLE`,
      );
    }
    told = true;
    return WasiErrno.NOTCAPABLE;
  };
}
