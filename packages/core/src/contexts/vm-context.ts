import { BufferType, type LogLevel } from '../abi/types.js';
import type { LogSink } from '../logger.js';
import { Context, type GuestBuffer } from '../vm/context.js';
import type { Vm } from '../vm/vm.js';
import { BytesBuffer } from './bytes-buffer.js';

/** The VM's own context, id 0: current while the module starts, and while nothing else is. */
export class VmContext extends Context {
  override readonly root = undefined;
  readonly #vm: Vm;
  readonly #log: LogSink;

  constructor(vm: Vm, log: LogSink) {
    super(0);
    this.#vm = vm;
    this.#log = log;
  }

  override log(level: LogLevel, message: string): void {
    if (!this.#vm.logLimit.take()) return;
    const { vmId } = this.#vm.identity;
    this.#log.write(level, { vmId, contextId: 0 }, `wasm log: ${message}`);
  }

  override logLevel(): LogLevel {
    return this.#log.level;
  }

  override buffer(type: number): GuestBuffer | undefined {
    if (type === BufferType.VM_CONFIGURATION)
      return new BytesBuffer(this.#vm.identity.configuration);
    return type <= BufferType.UPSTREAM_DATA ? BytesBuffer.EMPTY : undefined;
  }
}

/**
 * Stands for the active context while the module starts or its allocator runs: logging works,
 * everything else that needs a context ends the VM, as in cpp-host (`restricted_callback`). Once the
 * VM has failed, nothing works.
 */
export class RestrictedContext extends Context {
  readonly #vm: Vm;

  constructor(vm: Vm) {
    super(0);
    this.#vm = vm;
  }

  override get root(): never {
    return this.#refuse();
  }

  override log(level: LogLevel, message: string): void {
    this.#ensureAlive();
    this.#vm.current.log(level, message);
  }

  override logLevel(): LogLevel {
    this.#ensureAlive();
    return this.#vm.current.logLevel();
  }

  override ensureUnrestricted = (): never => this.#refuse();
  override headerMap = (): never => this.#refuse();
  override mutableHeaderMap = (): never => this.#refuse();
  override buffer = (): never => this.#refuse();
  override continueStream = (): never => this.#refuse();
  override closeStream = (): never => this.#refuse();
  override sendLocalResponse = (): never => this.#refuse();
  override property = (): never => this.#refuse();
  override setProperty = (): never => this.#refuse();
  override done = (): never => this.#refuse();
  override callStatus = (): never => this.#refuse();

  override get calls(): never {
    return this.#refuse();
  }

  #ensureAlive(): void {
    if (this.#vm.failure !== undefined) throw this.#vm.failure;
  }

  #refuse(): never {
    this.#ensureAlive();
    throw this.#vm.failHere(
      'PW_ERR_HOSTCALL_RESTRICTED',
      'the guest made a hostcall from its allocator or its start function, where only logging and ' +
        'a few WASI functions are allowed; make it from proxy_on_context_create or later',
    );
  }
}
