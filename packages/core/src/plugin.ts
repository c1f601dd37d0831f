import { EventEmitter } from 'node:events';

import { CodeWatch } from './code-watch.js';
import { toPath } from './code/code-source.js';
import type { PluginContext } from './contexts/plugin-context.js';
import { messageOf, type ProxyWasmError } from './errors.js';
import { FailureLog } from './failure-log.js';
import type {
  Configuration,
  ModuleCode,
  PluginOptions,
  ResolvedLimits,
  ResolvedPluginOptions,
} from './options.js';
import { failureOf } from './plugin-errors.js';
import type { PluginEvents, RecoveryDetails, ReloadReason } from './plugin-events.js';
import { PluginLeases } from './plugin-leases.js';
import { PluginLog } from './plugin-log.js';
import { ensureOpen, PluginStarter, type Started } from './plugin-starter.js';
import type { ContextLease, LeaseUser } from './plugin-vm.js';
import { mayHeal, Recovery } from './recovery.js';
import { checkReload, resolvePluginOptions } from './resolve-options.js';
import { SeldomLine } from './seldom-line.js';
import type { SelfTest } from './self-test/self-test.js';
import type { PluginFigures } from './services/host-figures.js';
import { PauseWatch } from './stream/pause-watch.js';
import type { StreamPlugin } from './stream/ports.js';
import type { VmRegistry } from './vm-registry.js';
import { guestIsRunning, whenGuestReturns } from './vm/deferred.js';
import type { LoadedModule } from './vm/load.js';

/** `failed`: its failure policy answers; under `fail-reload` it is started again. */
export type PluginState = 'running' | 'failed' | 'closed';

/** What `reload` may change; what is absent stays, and a file is read again. */
export interface PluginChange {
  code?: ModuleCode;
  /** Of the code from now on; absent: with new code none, else the one before. */
  sha256?: string;
  configuration?: Configuration;
  /** In the place of the plugin's option of that name, from now on. */
  selfTest?: SelfTest;
}

/** What a plugin asks of the host that it is made on. */
export interface PluginOwner {
  /** Whether new plugins are still wanted. */
  readonly isOpen: () => boolean;
  /** Called once, when the plugin has been closed. */
  readonly onClosed: (plugin: Plugin) => void;
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
  readonly #owner: PluginOwner;
  readonly #figures: PluginFigures;
  readonly #leases: PluginLeases;
  readonly #starter: PluginStarter;
  readonly #releaseVmId: () => void;
  readonly #recovery: Recovery;
  readonly pauses: PauseWatch;
  readonly #pauseLines = new SeldomLine();
  readonly #failureLog: FailureLog;
  /** Since the code that runs was loaded: its next VM tells more, should that fail too. */
  #hasEverFailed = false;
  #setup: Setup;
  /** Of the last start that went well: what a new start after a failure takes. */
  #loaded: LoadedModule | undefined;
  /** Until the first start has gone well, or for good if it does not. */
  #state: PluginState = 'failed';
  #failure: ProxyWasmError | undefined;
  #failedAtMs = 0;
  #failedAttempts = 0;
  #isStartingAgain = false;
  /** Reloads and new starts that wait for something, one after the other. */
  #changes: Promise<unknown> = Promise.resolve();
  #codeWatch: CodeWatch | undefined;
  #closing: Promise<void> | undefined;

  private constructor(registry: VmRegistry, given: PluginOptions, owner: PluginOwner) {
    super();
    const options = resolvePluginOptions(given);
    this.name = options.name;
    this.#registry = registry;
    this.#setup = { given, options };
    this.#owner = owner;
    this.#failureLog = new FailureLog(this.name, () => this.#log);
    this.pauses = new PauseWatch(options.limits.pausedTimeMs);
    this.#recovery = new Recovery(options.reloadBackoff, () => {
      this.#recover();
    });
    this.#releaseVmId = registry.useVmId(this.vmId);
    this.#figures = registry.acquireFigures(this.name);
    this.#leases = new PluginLeases((message) => {
      this.#log.warn(message);
    });
    const plugin = { name: this.name, ensureOpen: this.#ensureOpen, userOf: this.#userOf };
    this.#starter = new PluginStarter(registry, plugin, this.#leases, this.#figures);
  }

  /**
   * Loads, starts and configures.
   *
   * @throws ProxyWasmError naming the plugin; nothing is left behind then
   */
  static async open(
    registry: VmRegistry,
    given: PluginOptions,
    owner: PluginOwner,
  ): Promise<Plugin> {
    const plugin = new Plugin(registry, given, owner);
    try {
      await plugin.#startFirst();
      return plugin;
    } catch (error) {
      plugin.#letGo();
      throw error;
    }
  }

  /**
   * A plugin that {@link open} could not start: there all the same, failed, and tried again as one
   * that fails later.
   *
   * @param failure what `open` threw
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID: of these there is none
   */
  static openFailed(
    registry: VmRegistry,
    given: PluginOptions,
    owner: PluginOwner,
    failure: ProxyWasmError,
  ): Plugin {
    const plugin = new Plugin(registry, given, owner);
    plugin.#hasFailed(failure);
    if (mayHeal(failure, plugin.#options)) plugin.#watch();
    return plugin;
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
    return this.#options.limits;
  }

  get rootId(): string {
    return this.#options.rootId;
  }

  /** '' if its VM is its own. */
  get vmId(): string {
    return this.#options.vmId ?? '';
  }

  /** Streams that it works on now, also those that finish on a VM from before a reload. */
  get streams(): number {
    return this.#leases.streams;
  }

  get failOpen(): boolean {
    return this.#options.failurePolicy === 'fail-open';
  }

  get failOpenInFlight(): boolean {
    return this.#options.inFlightPolicy === 'fail-open';
  }

  /** The context for a new stream. A plugin that is to heal tries to, if it is time. */
  get context(): PluginContext | undefined {
    if (this.#state === 'failed' && this.#heals) {
      if (this.#recovery.due) this.#recover();
      else this.#figures.reloadBackoffs += 1;
    }
    return this.#leases.current?.context;
  }

  /** A stream that it paused is answered 504, or reset if its head is out. */
  pausedTooLong(callback: string): void {
    this.#figures.pauseTimeouts += 1;
    const limitMs = String(this.limits.pausedTimeMs);
    this.#pauseLines.log((others) => {
      this.#log.warn(
        `plugin "${this.name}": a stream that ${callback} paused was not resumed within ${limitMs} ` +
          `ms (limits.pausedTimeMs): it is answered 504, or reset if its head is out${others}`,
      );
    });
  }

  /**
   * Loads, starts, configures and (with a `selfTest`) tries a new VM beside the one that runs, then
   * lets new streams have it; the old context closes when its streams have ended. With a failure, what runs stays. Calls take effect one after the
   * other. In a shared VM a plugin whose code and configuration are the same goes on with the
   * context it has.
   *
   * @throws ProxyWasmError as `createPlugin`, and PW_ERR_PLUGIN_CLOSED
   */
  reload(change: PluginChange = {}): Promise<void> {
    return this.#afterOthers(() => this.#reload(change, 'reload'));
  }

  /**
   * Takes no new streams; waits for those that run, then lets the guest finish (`proxy_on_done`,
   * `proxy_done`) and deletes its context. Never rejects; a wait of more than ten seconds is logged.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #options(): ResolvedPluginOptions {
    return this.#setup.options;
  }

  get #restartOptions(): ResolvedPluginOptions {
    const recordHostcalls = this.#options.recordHostcalls ?? this.#hasEverFailed;
    return { ...this.#options, recordHostcalls };
  }

  get #heals(): boolean {
    return this.#options.failurePolicy === 'fail-reload' && mayHeal(this.#failure, this.#options);
  }

  get #log(): PluginLog {
    return new PluginLog(this, this.#registry.logOf(this.#options));
  }

  // --- starting ---------------------------------------------------------------------------------

  async #startFirst(): Promise<void> {
    const { loaded, lease } = await this.#starter.prepare(this.#options);
    this.#loaded = loaded;
    this.#use(lease);
    this.#watch();
  }

  readonly #ensureOpen = (): void => {
    ensureOpen(this.#isClosed, this.#owner.isOpen());
  };

  readonly #userOf = (lease: () => ContextLease): LeaseUser => ({
    failed: (error) => {
      this.#vmFailed(error, lease());
    },
    recycle: () => {
      this.#recycle(lease());
    },
  });

  #use(lease: ContextLease): void {
    this.#leases.use(lease);
    this.#state = 'running';
    this.#failure = undefined;
    this.#recovery.succeeded();
  }

  // --- failing and healing ----------------------------------------------------------------------

  /** Called while the guest may still be on the stack. */
  #vmFailed(cause: ProxyWasmError, lease: ContextLease): void {
    if (this.#leases.current === lease) this.#failed(cause, lease.context);
    else if (!this.#leases.isCandidate(lease)) {
      const message = `plugin "${this.name}", while its context was being closed: ${cause.message}`;
      this.#log.warn(message, cause);
    }
  }

  #failed(cause: ProxyWasmError, context: PluginContext): void {
    const error = failureOf(this.name, cause, context);
    const { streams } = context;
    this.#leases.forgetCurrent();
    this.#figures.failures += 1;
    this.#hasFailed(error);
    // Where it is another plugin's, that one's entry tells the rest.
    this.#failureLog.write(
      error.message,
      error.code === 'PW_ERR_PLUGIN_FAILED' ? undefined : error,
    );
    const heals = this.#heals;
    whenGuestReturns(() => {
      tell(() => this.emit('failed', error, { streams, heals }));
    });
  }

  #hasFailed(error: ProxyWasmError): void {
    this.#state = 'failed';
    this.#hasEverFailed = true;
    this.#failure = error;
    this.#failedAtMs = performance.now();
    this.#failedAttempts = 0;
    if (this.#heals) this.#recovery.failed();
  }

  /** One attempt to get a VM that works. */
  #recover(): void {
    if (this.#state !== 'failed' || this.#isStartingAgain || guestIsRunning()) return;
    if (this.#loaded === undefined) {
      void this.#startAgain();
      return;
    }
    try {
      this.#hasRecovered(this.#starter.start(this.#loaded, this.#restartOptions));
    } catch (error) {
      this.#couldNotRecover(error);
    }
  }

  /** For a plugin that has never run: its code may be what was wrong, so it is read again. */
  async #startAgain(): Promise<void> {
    this.#isStartingAgain = true;
    try {
      await this.#afterOthers(async () => {
        if (this.#state !== 'failed') return;
        const { loaded, lease } = await this.#starter.prepare(this.#restartOptions);
        this.#loaded = loaded;
        this.#hasRecovered(lease);
      });
    } catch (error) {
      if (this.#state === 'failed') this.#couldNotRecover(error);
    } finally {
      this.#isStartingAgain = false;
    }
  }

  #hasRecovered(lease: ContextLease): void {
    const details = this.#recoveryBy('restart');
    this.#use(lease);
    this.#figures.reloadSuccesses += 1;
    // Not now: a stream may be asking for its context.
    queueMicrotask(() => this.emit('recovered', details));
  }

  #recoveryBy(by: RecoveryDetails['by']): RecoveryDetails {
    const downMs = performance.now() - this.#failedAtMs;
    return { by, failedAttempts: this.#failedAttempts, downMs };
  }

  #couldNotRecover(error: unknown): void {
    this.#failedAttempts += 1;
    this.#figures.reloadFailures += 1;
    this.#recovery.failed();
    const message = `plugin "${this.name}" could not be started again: ${messageOf(error)}`;
    this.#failureLog.write(message, error);
  }

  // --- changing ---------------------------------------------------------------------------------

  #afterOthers(change: () => Promise<void>): Promise<void> {
    const changed = this.#changes.then(change);
    // The next change starts when this one has ended, however it did.
    this.#changes = changed.catch(() => undefined);
    return changed;
  }

  async #reload(change: PluginChange, reason: ReloadReason): Promise<void> {
    checkReload(change);
    this.#ensureOpen();
    const given = { ...this.#setup.given, ...change, name: this.name };
    // The digest was that of the code before.
    if (change.code !== undefined && change.sha256 === undefined) delete given.sha256;
    const options = resolvePluginOptions(given);
    // Whoever reloads may know that the source is well again.
    const started = await this.#starter.prepare(options, true);
    this.#setup = { given, options };
    this.#hasEverFailed = false;
    this.#swap(started, reason);
    if (change.code !== undefined) this.#watch();
  }

  #watch(): void {
    this.#codeWatch?.close();
    this.#codeWatch = undefined;
    const { code, watch } = this.#options;
    if (!watch || (typeof code !== 'string' && !(code instanceof URL))) return;
    this.#codeWatch = new CodeWatch(toPath(code), () => {
      void this.#afterOthers(() => this.#codeChanged());
    });
  }

  /** A file that can't be used is told of, and what runs goes on. Never rejects. */
  async #codeChanged(): Promise<void> {
    if (this.#state === 'closed') return;
    try {
      const { compiled } = await this.#registry.load(this.#options);
      const isSame = compiled.identity === this.#loaded?.compiled.identity;
      if (isSame && this.#state === 'running') return;
      await this.#reload({}, 'watch');
      this.#log.info(`plugin "${this.name}": its file has changed; the new code runs`);
    } catch (error) {
      if (this.#owner.isOpen() && !this.#isClosed) {
        const message = `plugin "${this.name}": its file has changed and is not used: `;
        this.#log.error(message + messageOf(error), error);
      }
    }
  }

  /** Also after an `await`, which TypeScript does not see. */
  get #isClosed(): boolean {
    return this.#state === 'closed';
  }

  #swap({ loaded, lease }: Started, reason: ReloadReason): void {
    const recovery = this.#state === 'failed' ? this.#recoveryBy('reload') : undefined;
    this.#loaded = loaded;
    this.#use(lease);
    const { sha256 } = loaded.compiled;
    tell(() => {
      if (recovery !== undefined) this.emit('recovered', recovery);
      this.emit('reloaded', { reason, sha256 });
    });
  }

  /** Its VM has served its time: the next one takes its place, or none if it can't be started. */
  #recycle(served: ContextLease): void {
    if (this.#leases.current !== served || this.#loaded === undefined) return;
    try {
      this.#swap(
        { loaded: this.#loaded, lease: this.#starter.start(this.#loaded, this.#restartOptions) },
        'recycle',
      );
    } catch (error) {
      served.vm.recycling?.again();
      const message = `plugin "${this.name}" keeps its VM, since another could not be started: `;
      this.#log.warn(message + messageOf(error), error);
    }
  }

  // --- its end ----------------------------------------------------------------------------------

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#recovery.stop();
    this.#codeWatch?.close();
    this.#loaded = undefined;
    this.#leases.retireCurrent();
    await this.#leases.gone();
    this.#failureLog.close();
    this.#letGo();
    this.#owner.onClosed(this);
  }

  #letGo(): void {
    this.#registry.releaseFigures(this.name);
    this.#releaseVmId();
  }
}

/** What a listener throws is the app's: it surfaces as from any event, and breaks nothing here. */
function tell(emit: () => void): void {
  try {
    emit();
  } catch (error) {
    process.nextTick(() => {
      throw error;
    });
  }
}
