import { EventEmitter } from 'node:events';

import { LogLevel } from './abi/types.js';
import type { PluginContext } from './contexts/plugin-context.js';
import { messageOf, ProxyWasmError } from './errors.js';
import type { LogSink } from './logger.js';
import type {
  Configuration,
  ModuleCode,
  PluginOptions,
  ResolvedLimits,
  ResolvedPluginOptions,
} from './options.js';
import { guestStack, inPlugin } from './plugin-errors.js';
import type { ContextLease } from './plugin-vm.js';
import { Recovery } from './recovery.js';
import { checkReload, resolvePluginOptions } from './resolve-options.js';
import type { PluginFigures } from './services/host-figures.js';
import type { StreamPlugin } from './stream/ports.js';
import type { VmRegistry } from './vm-registry.js';
import { guestIsRunning, whenGuestReturns } from './vm/deferred.js';
import type { LoadedModule } from './vm/load.js';

export type PluginState = 'running' | 'failed' | 'closed';

export interface PluginEvents {
  /** Its VM has failed; streams get what the failure policy says. */
  failed: [error: ProxyWasmError];
  /** It has a VM again that works. */
  recovered: [];
  /** {@link Plugin.reload} has put new code or configuration in place. */
  reloaded: [];
}

/** What `reload` may change; what is absent stays, and a file is read again. */
export interface PluginChange {
  code?: ModuleCode;
  configuration?: Configuration;
}

/** What a plugin is made of; a reload replaces it as a whole. */
interface Setup {
  /** As the app gave them: what a reload starts from. */
  readonly given: PluginOptions;
  readonly options: ResolvedPluginOptions;
}

/** One configured use of a module. Made by `createPlugin`. */
export class Plugin extends EventEmitter<PluginEvents> implements StreamPlugin {
  readonly name: string;
  readonly #registry: VmRegistry;
  readonly #onClosed: (plugin: Plugin) => void;
  readonly #figures: PluginFigures;
  readonly #recovery = new Recovery(() => {
    this.#recover();
  });
  #setup: Setup;
  /** Kept for a new start after a failure; undefined when none can come any more. */
  #loaded: LoadedModule | undefined;
  #lease: ContextLease | undefined;
  #state: PluginState = 'running';
  #failure: ProxyWasmError | undefined;
  #reloading: Promise<void> = Promise.resolve();
  #closing: Promise<void> | undefined;

  private constructor(
    registry: VmRegistry,
    setup: Setup,
    loaded: LoadedModule,
    onClosed: (plugin: Plugin) => void,
  ) {
    super();
    this.name = setup.options.name;
    this.#registry = registry;
    this.#setup = setup;
    this.#onClosed = onClosed;
    this.#loaded = loaded;
    this.#figures = registry.acquireFigures(this.name);
    try {
      this.#lease = this.#start(loaded, setup.options);
    } catch (error) {
      registry.releaseFigures(this.name);
      throw error;
    }
  }

  /**
   * Loads, starts and configures.
   *
   * @param isOpen asked when the code is there: whether the plugin is still wanted
   * @param onClosed called once, when the plugin has been closed
   * @throws ProxyWasmError naming the plugin; nothing is left behind then
   */
  static async open(
    registry: VmRegistry,
    given: PluginOptions,
    isOpen: () => boolean,
    onClosed: (plugin: Plugin) => void,
  ): Promise<Plugin> {
    const options = resolvePluginOptions(given);
    const release = registry.useVmId(options.vmId ?? '');
    try {
      const loaded = await registry.load(options);
      if (!isOpen()) throw new ProxyWasmError('PW_ERR_HOST_CLOSED', 'the host has been closed');
      return new Plugin(registry, { given, options }, loaded, (plugin) => {
        release();
        onClosed(plugin);
      });
    } catch (error) {
      release();
      throw inPlugin(options.name, error);
    }
  }

  get state(): PluginState {
    return this.#state;
  }

  /** Why it failed last; undefined while it runs. */
  get failure(): ProxyWasmError | undefined {
    return this.#failure;
  }

  /** The limits of its streams and VM. */
  get limits(): ResolvedLimits {
    return this.#setup.options.limits;
  }

  get rootId(): string {
    return this.#setup.options.rootId;
  }

  /** '' if its VM is its own. */
  get vmId(): string {
    return this.#setup.options.vmId ?? '';
  }

  /** Streams that it works on now. */
  get streams(): number {
    return this.#lease?.context.streams ?? 0;
  }

  get failOpen(): boolean {
    return this.#setup.options.failurePolicy === 'fail-open';
  }

  /** The context for a new stream. A plugin that is to heal tries to, if it is time. */
  get context(): PluginContext | undefined {
    if (this.#state === 'failed' && this.#heals) {
      if (this.#recovery.due) this.#recover();
      else this.#figures.reloadBackoffs += 1;
    }
    return this.#lease?.context;
  }

  /**
   * Loads and starts anew beside what runs, then lets new streams have it; the old context closes
   * when its streams have ended. With a failure, what runs stays. In a shared VM a plugin whose
   * code and configuration are the same goes on with the context it has.
   *
   * @throws ProxyWasmError as `createPlugin`, and PW_ERR_PLUGIN_CLOSED
   */
  reload(change: PluginChange = {}): Promise<void> {
    const reloaded = this.#reloading.then(() => this.#reload(change));
    // The next reload starts when this one has ended, however it did.
    this.#reloading = reloaded.catch(() => undefined);
    return reloaded;
  }

  /**
   * Takes no new streams; waits for those that run, then lets the guest finish (`proxy_on_done`,
   * `proxy_done`) and deletes its context. Never rejects; a wait of more than ten seconds is logged.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #heals(): boolean {
    return this.#setup.options.failurePolicy === 'fail-reload';
  }

  get #log(): LogSink {
    return this.#registry.logOf(this.#setup.options);
  }

  #start(loaded: LoadedModule, options: ResolvedPluginOptions): ContextLease {
    const lease = this.#registry.lease(loaded, options, (error) => {
      if (this.#lease === lease) this.#failed(error, lease.context);
      else this.#failedAfterwards(error);
    });
    this.#figures.watch(lease.context);
    return lease;
  }

  async #reload(change: PluginChange): Promise<void> {
    checkReload(change);
    this.#ensureOpen();
    const given = { ...this.#setup.given, ...change, name: this.name };
    // The digest was that of the code before.
    if (change.code !== undefined) delete given.sha256;
    const options = resolvePluginOptions(given);
    const { loaded, lease } = await this.#prepare(options);
    this.#setup = { given, options };
    this.#loaded = loaded;
    void this.#lease?.release(this.#warn);
    this.#use(lease);
    this.emit('reloaded');
  }

  async #prepare(options: ResolvedPluginOptions) {
    try {
      const loaded = await this.#registry.load(options);
      this.#ensureOpen();
      return { loaded, lease: this.#start(loaded, options) };
    } catch (error) {
      throw inPlugin(this.name, error);
    }
  }

  #ensureOpen(): void {
    if (this.#state !== 'closed') return;
    throw new ProxyWasmError('PW_ERR_PLUGIN_CLOSED', 'it has been closed; make a new plugin');
  }

  #use(lease: ContextLease): void {
    this.#lease = lease;
    this.#state = 'running';
    this.#failure = undefined;
    this.#recovery.succeeded();
  }

  /** Called while the guest may still be on the stack. */
  #failed(cause: ProxyWasmError, context: PluginContext): void {
    const error = inPlugin(this.name, cause, hintFor(cause, context)) as ProxyWasmError;
    this.#lease = undefined;
    this.#state = 'failed';
    this.#failure = error;
    this.#figures.failures += 1;
    this.#write(LogLevel.ERROR, error.message + guestStack(cause), error);
    if (this.#heals) this.#recovery.failed();
    whenGuestReturns(() => this.emit('failed', error));
  }

  /** A context that takes no new streams any more, of a plugin that closes or was reloaded. */
  #failedAfterwards(error: ProxyWasmError): void {
    const message = `plugin "${this.name}", while its context was being closed: ${error.message}`;
    this.#write(LogLevel.WARN, message + guestStack(error), error);
  }

  /** One attempt to get a VM that works. */
  #recover(): void {
    if (this.#state !== 'failed' || this.#loaded === undefined || guestIsRunning()) return;
    try {
      this.#use(this.#start(this.#loaded, this.#setup.options));
      this.#figures.reloadSuccesses += 1;
    } catch (error) {
      this.#recovery.failed();
      this.#figures.reloadFailures += 1;
      const message = `plugin "${this.name}" could not be started again: ${messageOf(error)}`;
      this.#write(LogLevel.ERROR, message + guestStack(error), error);
      return;
    }
    // Not now: a stream may be asking for its context.
    queueMicrotask(() => this.emit('recovered'));
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#recovery.stop();
    const lease = this.#lease;
    this.#lease = undefined;
    this.#loaded = undefined;
    await lease?.release(this.#warn);
    this.#registry.releaseFigures(this.name);
    this.#onClosed(this);
  }

  readonly #warn = (message: string): void => {
    this.#write(LogLevel.WARN, message);
  };

  #write(level: LogLevel, message: string, error?: unknown): void {
    const { rootId, vmId } = this;
    const fields = {
      plugin: this.name,
      rootId,
      vmId,
      ...(error === undefined ? {} : { err: error }),
    };
    this.#log.write(level, fields, message);
  }
}

/** What people meet first when they use a module that is no HTTP filter as one. */
function hintFor(error: ProxyWasmError, root: PluginContext): string {
  const isStream = error.contextId !== root.id;
  return error.callback === 'proxy_on_context_create' && isStream
    ? '; a module without an HTTP context for its root id can not be used as an HTTP filter'
    : '';
}
