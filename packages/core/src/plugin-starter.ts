import { ProxyWasmError } from './errors.js';
import type { ResolvedPluginOptions } from './options.js';
import { inPlugin } from './plugin-errors.js';
import type { PluginLeases } from './plugin-leases.js';
import type { ContextLease, LeaseUser } from './plugin-vm.js';
import { runSelfTest, type SelfTest } from './self-test/self-test.js';
import type { PluginFigures } from './services/host-figures.js';
import { StartDeadline } from './start-deadline.js';
import type { VmRegistry } from './vm-registry.js';
import type { LoadedModule } from './vm/load.js';

/** A start that went well. */
export interface Started {
  readonly loaded: LoadedModule;
  readonly lease: ContextLease;
}

/** What a start needs of its plugin. */
export interface StartingPlugin {
  readonly name: string;
  /** Throws where the plugin, or its host, has been closed. */
  readonly ensureOpen: () => void;
  readonly userOf: (lease: () => ContextLease) => LeaseUser;
}

/** Starts VMs for one plugin, beside what it runs. */
export class PluginStarter {
  readonly #registry: VmRegistry;
  readonly #plugin: StartingPlugin;
  readonly #leases: PluginLeases;
  readonly #figures: PluginFigures;

  constructor(
    registry: VmRegistry,
    plugin: StartingPlugin,
    leases: PluginLeases,
    figures: PluginFigures,
  ) {
    this.#registry = registry;
    this.#plugin = plugin;
    this.#leases = leases;
    this.#figures = figures;
  }

  /**
   * Everything that a start takes: load, start, configure, self-test. Nothing is left if it fails.
   *
   * @param again whether remote code whose source failed a moment ago is asked for all the same
   * @throws ProxyWasmError naming the plugin
   */
  async prepare(options: ResolvedPluginOptions, again = false): Promise<Started> {
    const deadline = new StartDeadline(options.limits.startTimeMs);
    try {
      const loaded = await deadline.wait(this.#registry.load(options, again), 'loading the code');
      this.#plugin.ensureOpen();
      const lease = this.start(loaded, options, deadline);
      if (options.selfTest !== undefined) await this.#try(lease, options.selfTest, deadline);
      return { loaded, lease };
    } catch (error) {
      throw inPlugin(this.#plugin.name, error);
    }
  }

  /** The part that is synchronous, so that whoever shares the VM never sees half a start. */
  start(
    loaded: LoadedModule,
    options: ResolvedPluginOptions,
    deadline = new StartDeadline(options.limits.startTimeMs),
  ): ContextLease {
    const user = this.#plugin.userOf(() => lease);
    const lease = this.#registry.lease(loaded, options, this.#figures, user);
    this.#leases.addCandidate(lease);
    try {
      deadline.check('the module’s own start');
    } catch (error) {
      this.#leases.retire(lease);
      throw error;
    }
    this.#figures.watch(lease.context);
    return lease;
  }

  async #try(lease: ContextLease, test: SelfTest, deadline: StartDeadline): Promise<void> {
    const ending = new AbortController();
    try {
      await deadline.wait(runSelfTest(test, lease.context, ending.signal), 'the self-test');
      this.#plugin.ensureOpen();
    } catch (error) {
      ending.abort();
      this.#leases.retire(lease);
      throw error;
    }
  }
}

/** @throws ProxyWasmError PW_ERR_PLUGIN_CLOSED, PW_ERR_HOST_CLOSED */
export function ensureOpen(isPluginClosed: boolean, isHostOpen: boolean): void {
  if (isPluginClosed) {
    throw new ProxyWasmError('PW_ERR_PLUGIN_CLOSED', 'it has been closed; make a new plugin');
  }
  if (!isHostOpen) throw new ProxyWasmError('PW_ERR_HOST_CLOSED', 'the host has been closed');
}
