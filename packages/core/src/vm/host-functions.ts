/** Serves imports that the app brings along (`hostFunctions`). */
import { resultsOf } from '../abi/signature.js';
import { LogLevel, Status } from '../abi/types.js';
import { messageOf } from '../errors.js';
import type { HostFunction, HostFunctionContext } from '../options.js';
import type { ImportFunctions } from './instantiate.js';
import type { ModuleOutline } from './module-reader.js';
import type { Vm } from './vm.js';

/** What a host function gets for a range outside the guest's memory; uncaught, a status. */
class GuestMemoryError extends RangeError {
  override readonly name = 'GuestMemoryError';
}

/**
 * Imports for those host functions that a module asks for. What a function throws ends there: the
 * guest gets a status, and the log the reason.
 */
export function createHostFunctionImports(
  vm: Vm,
  outline: ModuleOutline,
  functions: Readonly<Record<string, HostFunction>>,
): ImportFunctions {
  const imports: ImportFunctions = {};
  for (const { module, name, kind, signature } of outline.imports) {
    const run = Object.hasOwn(functions, name) ? functions[name] : undefined;
    if (module !== 'env' || kind !== 'function' || run === undefined) continue;
    const result = signature === undefined ? undefined : resultsOf(signature)[0];
    imports[name] = vm.identity.allowed(name)
      ? serve(vm, name, run, result)
      : refuse(vm, name, result);
  }
  return imports;
}

/** As for a hostcall that the plugin's capabilities leave out. */
function refuse(vm: Vm, name: string, result: string | undefined) {
  let told = false;
  return (): number | bigint | undefined => {
    if (!told) {
      told = true;
      const text = `${name} is not among the plugin's capabilities; it gets INTERNAL_FAILURE`;
      vm.current.log(LogLevel.WARN, text);
    }
    return convert(Status.INTERNAL_FAILURE, result);
  };
}

function serve(vm: Vm, name: string, run: HostFunction, result: string | undefined) {
  return (...args: (number | bigint)[]): number | bigint | undefined => {
    const call = new HostFunctionCall(vm);
    vm.timeLimit?.begin();
    try {
      const answer: unknown = run(call, ...args);
      if (isThenable(answer)) throw new TypeError('it answered a promise; it must answer at once');
      return convert(answer, result);
    } catch (error) {
      if (error instanceof GuestMemoryError) return convert(Status.INVALID_MEMORY_ACCESS, result);
      vm.current.log(LogLevel.ERROR, `host function ${name} failed: ${messageOf(error)}`);
      return convert(Status.INTERNAL_FAILURE, result);
    } finally {
      vm.timeLimit?.hurry();
      call.end();
    }
  };
}

function isThenable(value: unknown): boolean {
  return typeof (value as { then?: unknown } | null | undefined)?.then === 'function';
}

/** WebAssembly takes a bigint for an i64 only, and a number for everything else. */
function convert(answer: unknown, result: string | undefined): number | bigint | undefined {
  if (result === 'i64') return BigInt((answer ?? 0) as number | bigint);
  if (result === undefined) return answer as number | bigint | undefined;
  return Number(answer ?? 0);
}

/** One call of a host function; dead when it is over, so that nothing enters the guest later. */
class HostFunctionCall implements HostFunctionContext {
  readonly #vm: Vm;
  #ended = false;

  constructor(vm: Vm) {
    this.#vm = vm;
  }

  end(): void {
    this.#ended = true;
  }

  get pluginName(): string {
    return this.#property('plugin_name');
  }

  get rootId(): string {
    return this.#property('plugin_root_id');
  }

  get vmId(): string {
    return this.#vm.identity.vmId;
  }

  get contextId(): number {
    return this.#vm.active.id;
  }

  readBytes(ptr: number, length: number): Uint8Array {
    return found(this.#memory.copy(ptr >>> 0, length >>> 0), ptr);
  }

  readString(ptr: number, length: number): string {
    return found(this.#memory.readUtf8(ptr >>> 0, length >>> 0), ptr);
  }

  readU32(ptr: number): number {
    return found(this.#memory.readU32(ptr >>> 0), ptr);
  }

  writeBytes(ptr: number, bytes: Uint8Array): void {
    written(this.#memory.writeBytes(ptr >>> 0, bytes), ptr);
  }

  writeU32(ptr: number, value: number): void {
    written(this.#memory.writeU32(ptr >>> 0, value), ptr);
  }

  writeU64(ptr: number, value: bigint): void {
    written(this.#memory.writeU64(ptr >>> 0, BigInt.asUintN(64, value)), ptr);
  }

  returnBytes(bytes: Uint8Array | string, returnPtr: number, returnSizePtr: number): void {
    this.#ensureLive();
    const data = typeof bytes === 'string' ? Buffer.from(bytes, 'utf8') : bytes;
    const status = this.#vm.returnBytes(data, returnPtr >>> 0, returnSizePtr >>> 0);
    written(status === Status.OK, returnPtr);
  }

  get #memory() {
    this.#ensureLive();
    return this.#vm.memory;
  }

  #ensureLive(): void {
    if (this.#ended) throw new Error('a host function context is only valid during its call');
  }

  #property(name: string): string {
    const value = this.#vm.current.property([name]);
    return typeof value === 'string' ? value : '';
  }
}

function found<T>(value: T | undefined, ptr: number): T {
  if (value === undefined) outside(ptr);
  return value;
}

function written(done: boolean, ptr: number): void {
  if (!done) outside(ptr);
}

function outside(ptr: number): never {
  throw new GuestMemoryError(`address ${String(ptr >>> 0)}: outside the guest's memory`);
}
