import { LogLevel } from './abi/types.js';
import { PluginContext } from './contexts/plugin-context.js';
import type { PluginSettings } from './contexts/plugin-settings.js';
import { ProxyWasmError } from './errors.js';
import { withDeepStacks } from './vm/deep-stacks.js';
import { runDeferred, whenGuestReturns } from './vm/deferred.js';
import type { LoadedModule } from './vm/load.js';
import type { Vm } from './vm/vm.js';
import type { WasiProcess } from './vm/wasi/process.js';

/** How long a closing plugin waits for its streams, and then for its `proxy_done`. */
const CLOSE_TIMEOUT_MS = 10_000;

/** A plugin's use of a plugin context, until it is released or the VM fails. */
export interface ContextLease {
  readonly context: PluginContext;
  readonly vm: Vm;
  /**
   * Gives the context back. With its last lease it is closed: it waits for its streams, then for
   * `proxy_done` if the guest wants that, each for ten seconds, and is deleted. Streams that take
   * longer keep the context, and go on, but are not waited for.
   *
   * @param warn gets what the wait came to, if it was too long
   */
  release(warn: (message: string) => void): Promise<void>;
}

/** Who has a lease, as the VM knows it. */
export interface LeaseUser {
  /** The VM has failed; runs while the guest may still be on the stack. */
  failed(error: ProxyWasmError): void;
  /** The VM has served its time: take a lease on a new one, then release this one. */
  recycle(): void;
}

/** A plugin context and how many plugins use it. */
interface SharedContext {
  readonly context: PluginContext;
  leases: number;
}

/** A VM that has started, and the plugin contexts on it. */
export class PluginVm {
  readonly vm: Vm;
  /** Kept so that the compiled code stays while the VM lives. */
  readonly loaded: LoadedModule;
  readonly #process: WasiProcess;
  readonly #onGone: () => void;
  /** Makes that nobody else gets this VM; set by who shares it. */
  onRetired: () => void = () => undefined;
  readonly #shared = new Map<string, SharedContext>();
  readonly #users = new Set<LeaseUser>();
  /** Contexts that are open or closing. The VM goes with the last one. */
  #contexts = 0;

  /** @param onGone called when the VM has failed, or has lost its last context */
  constructor(vm: Vm, loaded: LoadedModule, process: WasiProcess, onGone: () => void) {
    this.vm = vm;
    this.loaded = loaded;
    this.#process = process;
    this.#onGone = onGone;
    vm.onFailure = (error) => {
      this.#failed(error);
    };
  }

  /**
   * Starts a plugin context, or shares the one that has the same `key`.
   *
   * @param user told of what becomes of the VM before the lease is over
   * @throws ProxyWasmError PW_ERR_CALLBACK_TRAPPED and others that end a VM,
   *   PW_ERR_VM_START_REFUSED, PW_ERR_CONFIGURE_REFUSED; nothing of the context is left then
   */
  lease(settings: PluginSettings, key: string, user: LeaseUser): ContextLease {
    const shared = this.#shared.get(key) ?? this.#open(settings, key);
    shared.leases += 1;
    this.#users.add(user);
    let released = false;
    return {
      context: shared.context,
      vm: this.vm,
      release: async (warn) => {
        if (released) return;
        released = true;
        shared.leases -= 1;
        if (shared.leases === 0) {
          if (this.#shared.get(key) === shared) this.#shared.delete(key);
          await this.#close(shared.context, warn);
        }
        this.#users.delete(user);
      },
    };
  }

  /**
   * Has everybody who uses the VM take another one: none new comes here, and it goes when its
   * streams have ended.
   */
  recycle(): void {
    if (this.vm.failure !== undefined) return;
    this.onRetired();
    for (const user of [...this.#users]) user.recycle();
  }

  #open(settings: PluginSettings, key: string): SharedContext {
    const context = new PluginContext(this.vm, settings);
    this.#contexts += 1;
    try {
      withDeepStacks(() => {
        start(context);
      });
    } catch (error) {
      this.#abandon(context);
      throw error;
    } finally {
      runDeferred();
    }
    if (this.vm.recycling?.started() === true) {
      const text =
        'the memory has reached recycle.memoryBytes with its start: it will not be a reason';
      context.log(LogLevel.WARN, text);
    }
    const shared = { context, leases: 0 };
    this.#shared.set(key, shared);
    return shared;
  }

  /** A context whose start failed. Others on the VM live on, so the guest must forget this one. */
  #abandon(context: PluginContext): void {
    if (this.#contexts > 1 && this.vm.failure === undefined) {
      context.onDone();
      context.delete();
    }
    context.end();
    this.vm.forget(context);
    this.#contextGone();
  }

  async #close(context: PluginContext, warn: (message: string) => void): Promise<void> {
    const { name } = context.settings;
    // Whoever called may be inside a hostcall; after a promise no guest is on the stack.
    const idle = context.idle().then(() => true);
    if (await Promise.race([idle, timeout(CLOSE_TIMEOUT_MS, false)])) {
      await this.#finish(context, warn);
      return;
    }
    const streams = String(context.streams);
    warn(`plugin "${name}" still has ${streams} open streams; it is closed when they have ended`);
    void idle.then(() => this.#finish(context, warn));
  }

  async #finish(context: PluginContext, warn: (message: string) => void): Promise<void> {
    const { vm } = this;
    const { name } = context.settings;
    const done = new Promise<boolean>((resolve) => {
      context.awaitDone(() => {
        resolve(true);
      });
    });
    const isDone = context.onDone() !== 0;
    runDeferred();
    if (!isDone && vm.failure === undefined) {
      const inTime = await Promise.race([done, timeout(CLOSE_TIMEOUT_MS, false)]);
      if (!inTime) {
        const seconds = String(CLOSE_TIMEOUT_MS / 1000);
        warn(
          `plugin "${name}" did not call proxy_done within ${seconds} s of its ` +
            'proxy_on_done; it is deleted all the same',
        );
      }
    }
    context.delete();
    vm.forget(context);
    runDeferred();
    this.#contextGone();
  }

  #contextGone(): void {
    this.#contexts -= 1;
    if (this.#contexts > 0 || this.vm.failure !== undefined) return;
    this.#process.flush();
    this.vm.logLimit.report();
    this.#onGone();
  }

  /** Runs while the guest is still on the stack, so all that may call somebody is put off. */
  #failed(error: ProxyWasmError): void {
    this.#process.flush();
    this.vm.logLimit.report();
    this.#onGone();
    this.#shared.clear();
    for (const user of this.#users) user.failed(error);
    this.#users.clear();
    whenGuestReturns(() => {
      for (const context of [...this.vm.contexts.values()]) context.vmFailed();
    });
  }
}

/** The guest's part of a start, in the spec's order. */
function start(context: PluginContext): void {
  const { vm, settings } = context;
  const alive = (): void => {
    if (vm.failure !== undefined) throw vm.failure;
  };
  // A VM that failed a moment ago has no callbacks, which would look like a start that went well.
  alive();
  context.onContextCreate();
  alive();
  const started = context.onVmStart() !== 0;
  alive();
  if (!started) {
    throw new ProxyWasmError(
      'PW_ERR_VM_START_REFUSED',
      `proxy_on_vm_start returned false for root id "${settings.rootId}": the module does not ` +
        'accept vm.configuration; its own log lines may say why',
      { contextId: context.id, callback: 'proxy_on_vm_start' },
    );
  }
  const configured = context.onConfigure() !== 0;
  alive();
  if (!configured) {
    throw new ProxyWasmError(
      'PW_ERR_CONFIGURE_REFUSED',
      `proxy_on_configure returned false for root id "${settings.rootId}": the module does not ` +
        'accept configuration, or does not know the root id; its own log lines may say why',
      { contextId: context.id, callback: 'proxy_on_configure' },
    );
  }
}

/** Resolves with `value`; does not keep the process running. */
function timeout<T>(delayMs: number, value: T): Promise<T> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs, value).unref();
  });
}
