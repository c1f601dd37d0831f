import { EventEmitter } from 'node:events';

import type { CodeSourceOptions } from '../code/code-source-options.js';
import { isCompiledModule, readCode } from '../code/code-source.js';
import { createPropertySource } from '../contexts/app-properties.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import { toLogSink, type Logger, type LogSink } from '../logger.js';
import type { ForeignFunction } from '../options.js';
import { inPlugin } from '../plugin-errors.js';
import type { RecoveryDetails } from '../plugin-events.js';
import { PluginLog } from '../plugin-log.js';
import type { PluginState } from '../plugin.js';
import { Recovery } from '../recovery.js';
import { remoteLoading } from '../remote-loads.js';
import type { CountedContext, PluginFigures } from '../services/host-figures.js';
import type { HostServices } from '../services/host-services.js';
import { Upstreams } from '../services/upstreams.js';
import { StartDeadline } from '../start-deadline.js';
import type { ServiceApp } from './app-answers.js';
import {
  resolveServiceOptions,
  type ResolvedServiceOptions,
  type ServiceOptions,
} from './service-options.js';
import { ServiceThread } from './service-thread.js';

/** The events of a {@link Service}, and their arguments. */
export interface ServiceEvents {
  /** Its VM or its thread has failed. */
  failed: [error: ProxyWasmError, details: ServiceFailureDetails];
  /** It has a VM again that works. */
  recovered: [details: RecoveryDetails];
}

/** What the event `failed` of a service tells beside the error. */
export interface ServiceFailureDetails {
  /** Whether it is started again on its own, with a growing delay. */
  readonly heals: boolean;
}

/** What a service has of its host. */
export interface ServiceHost {
  readonly logger: Logger;
  readonly codeSource: CodeSourceOptions | undefined;
  readonly services: HostServices;
  readonly upstreams: Upstreams;
  readonly foreignFunctions: Readonly<Record<string, ForeignFunction>>;
  /** Names of vendors' imports, which are not there for a service. */
  readonly hostFunctionNames: readonly string[];
}

/**
 * A plugin that sees no traffic, on a thread of its own: fed by shared queues and its timer. Made by
 * `createService`.
 */
export class Service extends EventEmitter<ServiceEvents> {
  readonly name: string;
  readonly rootId: string;
  /** '' if its VM is its own. */
  readonly vmId: string;
  readonly #host: ServiceHost;
  readonly #options: ResolvedServiceOptions;
  readonly #sink: LogSink;
  readonly #log: PluginLog;
  readonly #upstreams: Upstreams;
  readonly #onClosed: (service: Service) => void;
  readonly #figures: PluginFigures;
  readonly #recovery: Recovery;
  /** undefined until it is read: a thread that dies gets the same code again. */
  #code: Uint8Array | WebAssembly.Module | undefined;
  #thread: ServiceThread | undefined;
  #isStarted = false;
  #state: PluginState = 'running';
  #failure: ProxyWasmError | undefined;
  #failedAtMs = 0;
  #failedAttempts = 0;
  /** While a thread starts: who waits for that. */
  #starting: { resolve: () => void; reject: (error: Error) => void } | undefined;
  /** Whether a VM of its counts as alive. */
  #isCounted = false;
  readonly #cleanups: (() => void)[] = [];
  #closing: Promise<void> | undefined;

  /** @throws ProxyWasmError PW_ERR_OPTIONS_INVALID */
  constructor(host: ServiceHost, given: ServiceOptions, onClosed: (service: Service) => void) {
    super();
    this.#options = resolveServiceOptions(given);
    const { plugin } = this.#options;
    this.name = plugin.name;
    this.rootId = plugin.rootId;
    this.vmId = plugin.vmId ?? '';
    this.#host = host;
    this.#onClosed = onClosed;
    const { figures } = host.services.metrics;
    const lineLost = (): void => void (figures.logLinesDropped += 1);
    this.#sink = toLogSink(plugin.logger ?? host.logger, lineLost);
    this.#log = new PluginLog(this, this.#sink);
    this.#recovery = new Recovery(plugin.reloadBackoff, () => void this.#startAgain());
    this.#upstreams = new Upstreams(plugin.upstreams, undefined, host.upstreams);
    // As long as the service lives: its data outlive its threads.
    host.services.sharedState.acquire(this.vmId);
    this.#figures = host.services.metrics.acquireFigures(this.name);
    this.#figures.watch(this.#counted());
  }

  get state(): PluginState {
    return this.#state;
  }

  /** Whether its guest has been configured, ever. */
  get isStarted(): boolean {
    return this.#isStarted;
  }

  /** Why it failed last; undefined while it runs. */
  get failure(): ProxyWasmError | undefined {
    return this.#failure;
  }

  /**
   * To be called once.
   *
   * @returns when the guest has been configured
   * @throws ProxyWasmError as `createPlugin`, and PW_ERR_SERVICE_THREAD; it is closed then
   */
  async start(): Promise<void> {
    try {
      this.#code = await this.#readCode();
      await this.#launch();
      this.#isStarted = true;
    } catch (error) {
      await this.close();
      throw inPlugin(this.name, error);
    }
  }

  /**
   * Lets the guest finish (`proxy_on_done`, `proxy_done`), for at most `closeTimeoutMs`, and ends
   * its thread. Never rejects; a guest that took longer is logged.
   */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  get #heals(): boolean {
    return this.#options.plugin.failurePolicy === 'fail-reload';
  }

  async #readCode(): Promise<Uint8Array | WebAssembly.Module> {
    const { code, sha256, name, codeSource } = this.#options.plugin;
    if (isCompiledModule(code)) return code;
    const { figures } = this.#host.services.metrics;
    const loading = remoteLoading({ name, codeSource }, this.#host.codeSource, this.#sink, figures);
    return (await readCode(code, sha256, loading)).bytes;
  }

  /** A thread, and a guest that runs there; or nothing is left. */
  async #launch(): Promise<void> {
    const deadline = new StartDeadline(this.#options.plugin.limits.startTimeMs);
    const started = new Promise<void>((resolve, reject) => {
      this.#starting = { resolve, reject };
      if (this.#state === 'closed') reject(closedWhileStarting());
      else this.#thread = this.#newThread();
    });
    try {
      await deadline.wait(started, 'the thread of the service');
    } catch (error) {
      void this.#thread?.terminate();
      this.#thread = undefined;
      throw error;
    } finally {
      this.#starting = undefined;
    }
    this.#state = 'running';
    this.#failure = undefined;
    this.#recovery.succeeded();
    this.#thread?.unref();
    this.#countVm(true);
  }

  #newThread(): ServiceThread {
    const { storeTimeoutMs, sent } = this.#options;
    const { sharedState, metrics } = this.#host.services;
    const options = { ...sent, code: this.#code as Uint8Array };
    const setup = { options, storeTimeoutMs, app: this.#app(), sharedState, metrics };
    return new ServiceThread(setup, {
      started: () => this.#starting?.resolve(),
      failed: (error, heals) => {
        this.#failed(toServiceError(error), heals);
      },
      recovered: (details) => {
        this.#hasRecovered(details);
      },
      ended: (error) => {
        this.#threadEnded(toServiceError(error));
      },
      warn: (message, error) => {
        this.#log.warn(`service "${this.name}": ${message}`, error);
      },
    });
  }

  #app(): ServiceApp {
    const { name: pluginName, rootId, vmId } = this;
    const names = new Map(
      Object.entries({ plugin_name: pluginName, plugin_root_id: rootId, plugin_vm_id: vmId }),
    );
    const own = this.#upstreams;
    const host = this.#host.upstreams;
    const given = createPropertySource(this.#options.properties);
    return {
      ...{ pluginName, rootId, vmId, log: this.#sink },
      upstreams: {
        definition: (name) => own.definition(name) ?? host.definition(name),
        find: (name) => own.find(name),
      },
      foreignFunctions: this.#host.foreignFunctions,
      property: (path) => names.get(path.join('.')) ?? given(path),
    };
  }

  /** What has happened is in the log already. */
  #failed(error: ProxyWasmError, heals: boolean): void {
    this.#state = 'failed';
    this.#failure = error;
    this.#failedAtMs = performance.now();
    this.#failedAttempts = 0;
    this.#figures.failures += 1;
    this.#countVm(false);
    this.emit('failed', error, { heals });
  }

  /** Its thread has a VM again. */
  #hasRecovered(details: RecoveryDetails): void {
    this.#state = 'running';
    this.#failure = undefined;
    this.#recovery.succeeded();
    this.#countVm(true);
    this.#figures.reloadSuccesses += 1;
    this.emit('recovered', details);
  }

  #threadEnded(error: ProxyWasmError): void {
    if (this.#starting !== undefined) {
      this.#starting.reject(this.#explain(error));
      return;
    }
    this.#thread = undefined;
    this.#log.error(`service "${this.name}": ${error.message}`, error);
    if (this.#heals) this.#recovery.failed();
    // Else its VM had failed, and the thread would have started another.
    if (this.#state === 'running') this.#failed(error, this.#heals);
  }

  /** One attempt to have a thread again. */
  async #startAgain(): Promise<void> {
    try {
      await this.#launch();
    } catch (error) {
      if (this.#state !== 'closed') this.#couldNotStartAgain(error);
      return;
    }
    const downMs = performance.now() - this.#failedAtMs;
    const failedAttempts = this.#failedAttempts;
    this.#hasRecovered({ by: 'restart', failedAttempts, downMs });
  }

  #couldNotStartAgain(error: unknown): void {
    this.#failedAttempts += 1;
    this.#figures.reloadFailures += 1;
    this.#recovery.failed();
    const message = `service "${this.name}" could not be started again: ${messageOf(error)}`;
    this.#log.error(message, error);
  }

  /** What people meet who use vendors' imports. */
  #explain(error: ProxyWasmError): ProxyWasmError {
    const { code, message, pluginName } = error;
    const { hostFunctionNames } = this.#host;
    if (code !== 'PW_ERR_MODULE_IMPORTS' || hostFunctionNames.length === 0) return error;
    const names = hostFunctionNames.join(', ');
    const hint = `; hostFunctions (${names}) are not there for a service, which has its own thread`;
    return new ProxyWasmError(code, message + hint, { pluginName, cause: error });
  }

  async #close(): Promise<void> {
    this.#state = 'closed';
    this.#recovery.stop();
    this.#starting?.reject(closedWhileStarting());
    await this.#thread?.close(this.#options.closeTimeoutMs);
    this.#thread = undefined;
    this.#countVm(false);
    for (const cleanup of this.#cleanups) cleanup();
    this.#upstreams.close();
    const { sharedState, metrics } = this.#host.services;
    metrics.figures.release(this.name);
    sharedState.release(this.vmId);
    this.#onClosed(this);
  }

  #countVm(isAlive: boolean): void {
    if (this.#isCounted === isAlive) return;
    this.#isCounted = isAlive;
    const { figures } = this.#host.services.metrics;
    figures.vmsActive += isAlive ? 1 : -1;
    if (isAlive) figures.vmsCreated += 1;
  }

  /** Its context, as far as main knows of it. */
  #counted(): CountedContext {
    const memoryBytes = (): number => (this.#isCounted ? (this.#thread?.memoryBytes ?? 0) : 0);
    return {
      streams: 0,
      pausedStreams: 0,
      localResponses: 0,
      vm: {
        memory: {
          get sizeBytes() {
            return memoryBytes();
          },
        },
      },
      atEnd: (cleanup) => this.#cleanups.push(cleanup),
    };
  }
}

function closedWhileStarting(): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_HOST_CLOSED', 'the host has been closed');
}

function toServiceError(error: Error): ProxyWasmError {
  if (error instanceof ProxyWasmError) return error;
  const message = `the thread of the service failed: ${messageOf(error)}`;
  return new ProxyWasmError('PW_ERR_SERVICE_THREAD', message, { cause: error });
}
