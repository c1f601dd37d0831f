import { createHash } from 'node:crypto';

import { LogLevel } from './abi/types.js';
import { allowedBy, unknownCapabilities } from './capabilities.js';
import type { CodeSourceOptions } from './code/code-source-options.js';
import { createPropertySource } from './contexts/app-properties.js';
import type { PluginSettings } from './contexts/plugin-settings.js';
import { RestrictedContext, VmContext } from './contexts/vm-context.js';
import { messageOf } from './errors.js';
import { createEnvImports, hasHostcall } from './hostcalls/table.js';
import { toLogSink, type Logger, type LogSink } from './logger.js';
import type { Clock, HostFunction, ResolvedPluginOptions } from './options.js';
import { PluginVm, type ContextLease, type LeaseUser } from './plugin-vm.js';
import { remoteLoading } from './remote-loads.js';
import type { PluginFigures } from './services/host-figures.js';
import type { HostServices } from './services/host-services.js';
import { Upstreams, type NamedUpstreams } from './services/upstreams.js';
import { createHostFunctionImports } from './vm/host-functions.js';
import { HostcallHistory } from './vm/hostcall-history.js';
import { instantiate } from './vm/instantiate.js';
import { loadModule, weaveLimits, type LoadedModule } from './vm/load.js';
import { LogLimit } from './vm/log-limit.js';
import type { HostSupport } from './vm/module-report.js';
import { RecycleWatch } from './vm/recycle-watch.js';
import { TimeLimit } from './vm/time-limit.js';
import { CallTrace } from './vm/trace/call-trace.js';
import { Vm } from './vm/vm.js';
import { WasiProcess } from './vm/wasi/process.js';

/** What all VMs of a host have in common. */
export interface VmServices {
  readonly logger: Logger;
  readonly hostFunctions: Readonly<Record<string, HostFunction>>;
  readonly clock: Clock | undefined;
  readonly upstreams: NamedUpstreams;
  /** Timers, shared data and the like: what hostcalls reach. */
  readonly host: HostServices;
  readonly codeSource: CodeSourceOptions | undefined;
}

/** A host's VMs: makes them, and finds those that plugins may share. */
export class VmRegistry {
  readonly #services: VmServices;
  readonly #support: HostSupport;
  /** By what VMs must have in common to be one; private VMs are not in it. */
  readonly #shared = new Map<string, PluginVm>();

  constructor(services: VmServices) {
    this.#services = services;
    this.#support = {
      hasHostcall,
      hostFunctions: new Set(Object.keys(services.hostFunctions)),
    };
  }

  /** How many VMs wait to be shared. For tests. */
  get sharedCount(): number {
    return this.#shared.size;
  }

  /** Where a plugin's lines go: to its own logger, or the host's. */
  logOf(options: ResolvedPluginOptions): LogSink {
    const { figures } = this.#services.host.metrics;
    return toLogSink(options.logger ?? this.#services.logger, () => (figures.logLinesDropped += 1));
  }

  /**
   * Reads, compiles and checks a plugin's code. Throws as {@link loadModule}.
   *
   * @param again whether a source that failed a moment ago is asked all the same
   */
  load(options: ResolvedPluginOptions, again = false): Promise<LoadedModule> {
    const { code, sha256, limits } = options;
    const { figures } = this.#services.host.metrics;
    const base = remoteLoading(options, this.#services.codeSource, this.logOf(options), figures);
    return loadModule(code, sha256, this.#support, weaveLimits(limits), { ...base, again });
  }

  /**
   * Says that a plugin uses what belongs to a vm id: shared data and queues.
   *
   * @returns to be called once, when the plugin has been closed
   */
  useVmId(vmId: string): () => void {
    const { sharedState } = this.#services.host;
    sharedState.acquire(vmId);
    return () => {
      sharedState.release(vmId);
    };
  }

  /** What is counted of plugins of that name; to be given back with {@link releaseFigures}. */
  acquireFigures(name: string): PluginFigures {
    return this.#services.host.metrics.acquireFigures(name);
  }

  /** A plugin has a context that has started. */
  pluginStarted(): void {
    this.#services.host.metrics.pluginStarted();
  }

  releaseFigures(name: string): void {
    this.#services.host.metrics.figures.release(name);
  }

  /**
   * Gives a plugin its context: on a VM of its own, or on one that it may share. Synchronous, so
   * that what is asked for twice at the same time is still made once.
   *
   * @param figures of plugins of that name
   * @param user told of what becomes of the VM while the lease lasts
   * @throws ProxyWasmError as {@link instantiate} and {@link PluginVm.lease}; nothing is left then
   */
  lease(
    loaded: LoadedModule,
    options: ResolvedPluginOptions,
    figures: PluginFigures,
    user: LeaseUser,
  ): ContextLease {
    const log = this.logOf(options);
    const vm = this.#openVm(loaded, options, log);
    const settings = settingsOf(options, log, this.#services.upstreams, figures);
    return vm.lease(settings, contextKey(options), user);
  }

  #openVm(loaded: LoadedModule, options: ResolvedPluginOptions, log: LogSink): PluginVm {
    const key = options.vmId === undefined ? undefined : vmKey(loaded, options);
    const shared = key === undefined ? undefined : this.#shared.get(key);
    if (shared !== undefined) return shared;
    const forget = (): void => {
      if (key !== undefined && this.#shared.get(key) === vm) this.#shared.delete(key);
    };
    const vm = this.#startVm(loaded, options, log, forget);
    vm.onRetired = forget;
    if (key !== undefined) this.#shared.set(key, vm);
    return vm;
  }

  #startVm(
    loaded: LoadedModule,
    options: ResolvedPluginOptions,
    log: LogSink,
    onGone: () => void,
  ): PluginVm {
    const vm = new Vm(
      {
        vmId: options.vmId ?? '',
        abiVersion: loaded.abiVersion,
        configuration: options.vmConfiguration,
        environment: options.environment,
        allowed: allowedBy(options.capabilities),
      },
      (self) => new VmContext(self, log),
      (self) => new RestrictedContext(self),
    );
    const { clock, hostFunctions } = this.#services;
    const imported = loaded.compiled.outline.imports.map(({ name }) => name);
    const known = [...imported, ...Object.keys(hostFunctions)];
    for (const text of unknownCapabilities(options.capabilities, known)) {
      log.write(LogLevel.WARN, { plugin: options.name }, `plugin "${options.name}": ${text}`);
    }
    if (clock !== undefined) vm.nowNs = () => clock.nowNs();
    vm.limits = options.limits;
    vm.logLimit = this.#logLimitOf(options, log);
    const { callbackTimeMs } = options.limits;
    if (callbackTimeMs !== false) vm.timeLimit = new TimeLimit(callbackTimeMs);
    if (options.trace !== undefined) vm.trace = new CallTrace(vm, options.trace, options.name);
    if (options.recordHostcalls === true) vm.history = new HostcallHistory();
    const process = new WasiProcess(vm);
    const env = {
      ...createHostFunctionImports(vm, loaded.compiled.outline, hostFunctions),
      // The host's own come last: a host function is for what the host lacks.
      ...createEnvImports(vm, this.#services.host),
    };
    try {
      instantiate(loaded, vm, env, process);
    } catch (error) {
      process.flush();
      throw error;
    }
    const { figures } = this.#services.host.metrics;
    figures.vmsCreated += 1;
    figures.vmsActive += 1;
    const pluginVm = new PluginVm(vm, loaded, process, () => {
      figures.vmsActive -= 1;
      onGone();
    });
    if (options.recycle !== undefined) {
      vm.recycling = new RecycleWatch(options.recycle, vm.memory, () => {
        // Streams are ending, one of them now.
        queueMicrotask(() => {
          pluginVm.recycle();
        });
      });
    }
    return pluginVm;
  }

  /** Lines that are dropped are counted at once, and told of when lines pass again. */
  #logLimitOf({ name, limits }: ResolvedPluginOptions, log: LogSink): LogLimit {
    const { figures } = this.#services.host.metrics;
    const perSecond = limits.logLinesPerSecond;
    return new LogLimit(perSecond, {
      dropped: () => (figures.logLinesDropped += 1),
      report: (dropped) => {
        const message =
          `plugin "${name}": ${String(dropped)} lines of its VM were not logged: it writes more than ` +
          `${String(perSecond)} in a second (limits.logLinesPerSecond)`;
        log.write(LogLevel.WARN, { plugin: name }, message);
      },
    });
  }
}

function settingsOf(
  options: ResolvedPluginOptions,
  log: LogSink,
  hostUpstreams: NamedUpstreams,
  { callbacks: instruments }: PluginFigures,
): PluginSettings {
  const { name, rootId, configuration, allowOnHeadersStopIteration } = options;
  const property = createPropertySource(options.properties, (error) => {
    const message = `plugin "${name}": the option properties threw: ${messageOf(error)}`;
    log.write(LogLevel.ERROR, { plugin: name, err: error }, message);
  });
  const upstreams = new Upstreams(options.upstreams, undefined, hostUpstreams);
  return {
    ...{ name, rootId, configuration, allowOnHeadersStopIteration },
    ...{ log, property, upstreams, instruments },
  };
}

/** What plugins must have in common to share a VM: decision 2 of the design. */
function vmKey(loaded: LoadedModule, options: ResolvedPluginOptions): string {
  return JSON.stringify([
    options.vmId,
    digest(options.vmConfiguration),
    loaded.compiled.identity,
    Object.entries(options.environment),
    options.limits,
    options.recycle ?? null,
    options.capabilities ?? null,
    objectNumber(options.trace),
  ]);
}

/** What plugins on one VM must have in common to share a plugin context. */
function contextKey(options: ResolvedPluginOptions): string {
  return JSON.stringify([
    options.rootId,
    digest(options.configuration),
    options.name,
    options.allowOnHeadersStopIteration,
    // These belong to the plugin whose context is current, so they must be the same ones.
    objectNumber(options.logger),
    objectNumber(options.properties),
    objectNumber(options.upstreams),
  ]);
}

function digest(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

const objectNumbers = new WeakMap<object, number>();
let lastObjectNumber = 0;

function objectNumber(object: object | undefined): number {
  if (object === undefined) return 0;
  let number = objectNumbers.get(object);
  if (number === undefined) {
    lastObjectNumber += 1;
    number = lastObjectNumber;
    objectNumbers.set(object, number);
  }
  return number;
}
