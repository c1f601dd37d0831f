/** From a loaded module to a VM that has started. */
import { WASI_MODULES } from '../abi/wasi-signatures.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import { withDeepStacks } from './deep-stacks.js';
import type { LoadedModule } from './load.js';
import { usedMemoryName } from './module-reader.js';
import type { EntryPoint } from './module-report.js';
import type { Vm } from './vm.js';
import type { WasiProcess } from './wasi/process.js';
import { createWasiImports } from './wasi/table.js';

/** The most that an address of 32 bits reaches. */
const MAX_PAGES = 65_536;

export type ImportFunctions = Record<string, (...args: never[]) => unknown>;

interface ImportedMemory {
  readonly module: string;
  readonly name: string;
  readonly memory: WebAssembly.Memory;
}

/**
 * Instantiates the module in `vm` and runs its start function: `_initialize` (and then `main` or
 * `__main_void`), or `_start`, or what its start section names. Synchronous, so that whoever shares
 * a VM never sees one that has half started.
 *
 * @param env the functions of module `env`
 * @throws ProxyWasmError PW_ERR_START_TRAPPED, PW_ERR_GUEST_EXITED, PW_ERR_HOSTCALL_RESTRICTED,
 *   PW_ERR_MODULE_MEMORY, PW_ERR_MODULE_IMPORTS; the VM has failed then
 */
export function instantiate(
  loaded: LoadedModule,
  vm: Vm,
  env: ImportFunctions,
  process: WasiProcess,
): void {
  const imported = createImportedMemory(loaded);
  const joined = joinImports(...recorded(vm, env, createWasiImports(process)), imported);
  const imports = vm.trace?.wrapImports(joined) ?? joined;
  // A start section runs before its exports can be seen: an imported memory works even then.
  if (imported !== undefined) vm.memory.bind(imported.memory);
  const { entryPoint } = loaded.report;
  const { woven, lines } = loaded.compiled;
  vm.places = { offsets: woven?.offsets, lines };
  vm.enterStart();
  try {
    withDeepStacks(() => {
      const { exports: raw } = new WebAssembly.Instance(loaded.compiled.module, imports);
      const exports = vm.trace?.wrapExports(raw) ?? raw;
      // Runs the start section, if the limits have put it off: still before its exports can be used.
      if (woven?.time !== undefined) vm.timeLimit?.attach(exports, woven.time.exports);
      vm.bind(exports, exportedMemory(loaded, exports) ?? imported?.memory ?? noMemory());
      runEntryPoint(entryPoint, exports, process);
    });
  } catch (cause) {
    vm.fail(startError(cause, entryPoint, vm));
  } finally {
    vm.leaveStart();
  }
  if (vm.failure !== undefined) throw vm.failure;
}

function recorded(
  { history }: Vm,
  env: ImportFunctions,
  wasi: ImportFunctions,
): [env: ImportFunctions, wasi: ImportFunctions] {
  if (history === undefined) return [env, wasi];
  return [history.recordHostcalls(env), history.recordWasi(wasi)];
}

function joinImports(
  env: ImportFunctions,
  wasi: ImportFunctions,
  imported: ImportedMemory | undefined,
): WebAssembly.Imports {
  const imports: Record<string, WebAssembly.ModuleImports> = { env };
  for (const name of WASI_MODULES) imports[name] = wasi;
  if (imported !== undefined) {
    const { module, name, memory } = imported;
    imports[module] = { ...imports[module], [name]: memory };
  }
  return imports;
}

function createImportedMemory({ compiled }: LoadedModule): ImportedMemory | undefined {
  const entry = compiled.outline.imports.find(({ kind }) => kind === 'memory');
  if (entry?.memory === undefined) return undefined;
  const { minimumPages, maximumPages = MAX_PAGES } = entry.memory;
  const cap = compiled.woven?.caps.memoryPages ?? MAX_PAGES;
  const limits = { initial: minimumPages, maximum: Math.min(cap, maximumPages) };
  try {
    return { module: entry.module, name: entry.name, memory: new WebAssembly.Memory(limits) };
  } catch (cause) {
    throw memoryError(cause);
  }
}

function exportedMemory(
  { compiled }: LoadedModule,
  exports: WebAssembly.Exports,
): WebAssembly.Memory | undefined {
  const name = usedMemoryName(compiled.outline.exports);
  return name === undefined ? undefined : (exports[name] as WebAssembly.Memory);
}

/** Loading has refused modules without a memory. */
function noMemory(): never {
  throw new ProxyWasmError('PW_ERR_MODULE_MEMORY', 'the module has no memory');
}

function runEntryPoint(
  entryPoint: EntryPoint,
  exports: WebAssembly.Exports,
  process: WasiProcess,
): void {
  const call = (name: string, ...args: number[]): unknown =>
    (exports[name] as (...values: number[]) => unknown)(...args);
  switch (entryPoint) {
    case '_initialize':
      call('_initialize');
      break;
    case '_initialize + main':
      call('_initialize');
      call('main', 0, 0);
      break;
    case '_initialize + __main_void':
      call('_initialize');
      call('__main_void');
      break;
    case '_start':
      process.runStart(() => call('_start'));
      break;
    case 'start section':
    case 'none':
      break;
  }
}

function startError(cause: unknown, entryPoint: EntryPoint, vm: Vm): ProxyWasmError {
  if (cause instanceof ProxyWasmError) return cause;
  if (cause instanceof RangeError && /memory/i.test(cause.message)) return memoryError(cause);
  if (cause instanceof WebAssembly.LinkError) {
    return new ProxyWasmError(
      'PW_ERR_MODULE_IMPORTS',
      `the module could not be linked: ${cause.message}`,
      { cause },
    );
  }
  // Instantiation itself can trap too: a start section, or data that does not fit the memory.
  const what = entryPoint === 'none' ? 'instantiation' : entryPoint;
  const details = { callback: what, cause, ...vm.evidence(cause) };
  if (vm.timeLimit?.isSpent === true) {
    return new ProxyWasmError('PW_ERR_CALLBACK_TIME', vm.timeLimit.describe(what), details);
  }
  return new ProxyWasmError(
    'PW_ERR_START_TRAPPED',
    `the module trapped while it started (${what}): ${messageOf(cause)}`,
    details,
  );
}

function memoryError(cause: unknown): ProxyWasmError {
  return new ProxyWasmError(
    'PW_ERR_MODULE_MEMORY',
    `the module's memory could not be allocated: ${messageOf(cause)}; build it with a smaller one`,
    { cause },
  );
}
