import { ProxyWasmError } from './errors.js';
import { toLogSink, type LogSink } from './logger.js';
import type { HostOptions, PluginOptions } from './options.js';
import { Plugin, type PluginOwner, type PluginState } from './plugin.js';
import { checkHostOptions } from './resolve-options.js';
import type { MetricsView } from './services/host-metrics.js';
import { createServices, type HostServices } from './services/host-services.js';
import { createSharedDataView, type SharedDataView } from './services/shared-data-view.js';
import { Upstreams } from './services/upstreams.js';
import type { ServiceOptions } from './thread/service-options.js';
import { Service, type ServiceHost } from './thread/service.js';
import { checkingResolver } from './upstream-checks.js';
import { VmRegistry } from './vm-registry.js';
import { onceGuestReturned } from './vm/deferred.js';

/** One plugin in {@link Host.health}. */
export interface PluginHealth {
  name: string;
  rootId: string;
  vmId: string;
  state: PluginState;
  /** Streams that it works on now. */
  streams: number;
  /** Why it failed last; absent while it runs. */
  failure?: { code: string; message: string };
}

/** One service in {@link Host.health}. */
export interface ServiceHealth {
  name: string;
  rootId: string;
  vmId: string;
  state: PluginState;
  /** Why it failed last; absent while it runs. */
  failure?: { code: string; message: string };
}

/** For readiness probes. */
export interface HealthReport {
  /** Whether the host is open and none of its plugins has failed. No request needs a service. */
  ready: boolean;
  plugins: PluginHealth[];
  /** Absent: there are none. */
  services?: ServiceHealth[];
}

/** Services shared by all plugins made on it, and the plugins. */
export interface Host {
  /**
   * Loads a module, starts it and configures it.
   *
   * @returns the plugin, once `proxy_on_configure` has returned true
   * @throws ProxyWasmError whose `code` says what failed; nothing is left behind then
   */
  createPlugin(options: PluginOptions): Promise<Plugin>;
  /**
   * Loads a module, starts it on a worker thread of its own and configures it there.
   *
   * @returns the service, once `proxy_on_configure` has returned true
   * @throws ProxyWasmError whose `code` says what failed; nothing is left behind then
   */
  createService(options: ServiceOptions): Promise<Service>;
  /** The data that filters share, for the app. */
  readonly sharedData: SharedDataView;
  /** What filters count, and what the host counts about them. */
  readonly metrics: MetricsView;
  /** How plugins and services are; `ready` is for readiness probes. */
  health(): HealthReport;
  /** Closes its plugins and services, and takes no new ones. Never rejects. */
  close(): Promise<void>;
}

class ProxyWasmHost implements Host {
  readonly log: LogSink;
  readonly hasLogger: boolean;
  readonly sharedData: SharedDataView;
  readonly metrics: MetricsView;
  readonly #services: HostServices;
  readonly #upstreams: Upstreams;
  readonly #registry: VmRegistry;
  readonly #plugins = new Set<Plugin>();
  readonly #owner: PluginOwner = {
    isOpen: () => !this.#closed,
    onClosed: (plugin) => this.#plugins.delete(plugin),
  };
  readonly #serviceHost: ServiceHost;
  /** Those that run, and those that start. */
  readonly #threads = new Set<Service>();
  #closed = false;

  constructor(options: HostOptions) {
    checkHostOptions(options);
    const { logger = console } = options;
    this.log = toLogSink(logger);
    this.hasLogger = options.logger !== undefined;
    const { clock, sharedState, metrics, instruments = true, foreignFunctions } = options;
    const onReturn = instruments ? onceGuestReturned : undefined;
    this.#services = createServices({
      ...{ clock, sharedState, metrics, onReturn, foreignFunctions },
    });
    const { read, toPrometheus } = this.#services.metrics;
    this.metrics = { read, toPrometheus };
    this.#upstreams = new Upstreams(options.upstreams, checkingResolver(options.resolveUpstream));
    this.sharedData = createSharedDataView(this.#services.sharedState);
    this.#registry = new VmRegistry({
      logger,
      hostFunctions: { ...options.hostFunctions },
      clock,
      upstreams: this.#upstreams,
      host: this.#services,
      codeSource: options.codeSource,
    });
    this.#serviceHost = {
      logger,
      codeSource: options.codeSource,
      services: this.#services,
      upstreams: this.#upstreams,
      foreignFunctions: { ...foreignFunctions },
      hostFunctionNames: Object.keys(options.hostFunctions ?? {}),
    };
  }

  async createPlugin(options: PluginOptions): Promise<Plugin> {
    this.#ensureOpen();
    const plugin = await Plugin.open(this.#registry, options, this.#owner);
    this.#plugins.add(plugin);
    // Closed in the very last moment.
    if (this.#closed) await plugin.close();
    this.#ensureOpen();
    return plugin;
  }

  /** One that `createPlugin` has refused: it is there, failed, and heals if its policy says so. */
  addFailed(options: PluginOptions, failure: ProxyWasmError): Plugin {
    this.#ensureOpen();
    const plugin = Plugin.openFailed(this.#registry, options, this.#owner, failure);
    this.#plugins.add(plugin);
    return plugin;
  }

  async createService(options: ServiceOptions): Promise<Service> {
    this.#ensureOpen();
    const service = new Service(this.#serviceHost, options, (closed) =>
      this.#threads.delete(closed),
    );
    this.#threads.add(service);
    await service.start();
    return service;
  }

  health(): HealthReport {
    const plugins = [...this.#plugins].map(healthOf);
    const services = [...this.#threads].filter((each) => each.isStarted).map(serviceHealthOf);
    const ready = !this.#closed && plugins.every(({ state }) => state === 'running');
    return { ready, plugins, ...(services.length === 0 ? {} : { services }) };
  }

  async close(): Promise<void> {
    this.#closed = true;
    await Promise.all([...this.#plugins, ...this.#threads].map((each) => each.close()));
    this.#services.metrics.close();
    this.#upstreams.close();
  }

  #ensureOpen(): void {
    if (!this.#closed) return;
    throw new ProxyWasmError(
      'PW_ERR_HOST_CLOSED',
      'the host has been closed and takes no more plugins; make a new one with createHost',
    );
  }
}

function healthOf(plugin: Plugin): PluginHealth {
  const { name, rootId, vmId, state, streams, failure } = plugin;
  const health: PluginHealth = { name, rootId, vmId, state, streams };
  if (failure !== undefined) health.failure = { code: failure.code, message: failure.message };
  return health;
}

function serviceHealthOf({ name, rootId, vmId, state, failure }: Service): ServiceHealth {
  const health: ServiceHealth = { name, rootId, vmId, state };
  if (failure !== undefined) health.failure = { code: failure.code, message: failure.message };
  return health;
}

/**
 * Makes a host. An app needs one only to set its options, or to keep plugins apart.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function createHost(options: HostOptions = {}): Host {
  return new ProxyWasmHost(options);
}

/** Where a host logs what no plugin does; undefined: the process's default host. */
export function hostLog(host: Host | undefined): LogSink {
  return host instanceof ProxyWasmHost ? host.log : toLogSink(console);
}

/** Whether a host was given a logger; undefined: the process's default host, which was not. */
export function hasLogger(host: Host | undefined): boolean {
  return host instanceof ProxyWasmHost && host.hasLogger;
}

let defaultHost: Host | undefined;

function getDefaultHost(): Host {
  defaultHost ??= createHost();
  return defaultHost;
}

/** {@link Host.createPlugin} on the process's default host. */
export async function createPlugin(options: PluginOptions): Promise<Plugin> {
  return getDefaultHost().createPlugin(options);
}

/**
 * What stands in a filter for a plugin that `createPlugin` has refused: a plugin that has failed and
 * that heals if its policy says so. undefined: there can be none, since its options or its host are
 * not good for one.
 *
 * @param host undefined: the process's default host
 */
export function failedPlugin(
  options: PluginOptions,
  host: Host | undefined,
  failure: unknown,
): Plugin | undefined {
  const owner = host ?? getDefaultHost();
  if (!(owner instanceof ProxyWasmHost) || !(failure instanceof ProxyWasmError)) return undefined;
  const { code } = failure;
  if (code === 'PW_ERR_OPTIONS_INVALID' || code === 'PW_ERR_HOST_CLOSED') return undefined;
  return owner.addFailed(options, failure);
}

/** {@link Host.createService} on the process's default host. */
export async function createService(options: ServiceOptions): Promise<Service> {
  return getDefaultHost().createService(options);
}
