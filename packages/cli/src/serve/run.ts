import { ProxyWasmError, type Logger, type PluginOptions } from '@proxy-wasm-node/core';
import type { EnvoyConfiguration } from '@proxy-wasm-node/envoy';
import { describePosition } from '@proxy-wasm-node/envoy/serving';

import type { Terminal } from '../terminal.js';
import { announce } from './announce.js';
import { createEnvoyLog, type LogLevelName } from './envoy-log.js';
import { howTaken } from './file-or-text.js';
import { isModule } from './kind-of-file.js';
import { startProxy, type ProxyOptions, type RunningProxy } from './start-proxy.js';

export interface RunOptions {
  readonly logLevel: LogLevelName;
  readonly json?: true;
  readonly watch?: true;
  readonly adminPort?: string;
  readonly upstream?: string;
  readonly respond?: string;
  readonly config?: string;
  readonly rootId?: string;
  readonly vmConfig?: string;
  readonly sha256?: string;
  readonly allowUnpinned?: true;
  readonly port?: string;
  readonly host?: string;
}

/**
 * `proxy-wasm run`. Resolves when the command was told to stop and everything has ended.
 *
 * @throws CommandError, ProxyWasmError where it can't be started
 */
export async function run(file: string, options: RunOptions, terminal: Terminal): Promise<void> {
  const { logLevel: level, json = false } = options;
  const log = createEnvoyLog(terminal.stderr, { level, json });
  try {
    await serve(file, options, { logger: log.logger, terminal });
  } finally {
    log.flush();
  }
}

async function serve(
  file: string,
  options: RunOptions,
  { logger, terminal }: { logger: Logger; terminal: Terminal },
): Promise<void> {
  const isOne = await isModule(file);
  const configuration = watched(
    isOne
      ? await (await import('./module-options.js')).configurationForModule(file, options)
      : await (await import('./read-configuration.js')).readConfiguration(file, options),
    options,
  );
  for (const { at, message } of configuration.notes) {
    logger.info?.({}, `${describePosition(at)}: ${message}`);
  }
  const proxy = await start(configuration, options, { logger });
  announce(proxy, configuration, { json: options.json === true, output: terminal.stdout });
  await toldToStop(terminal);
  logger.info?.({}, 'open requests end, then the filters finish; Ctrl-C ends at once');
  await proxy.close();
}

async function start(
  configuration: EnvoyConfiguration,
  { config }: RunOptions,
  options: ProxyOptions,
): Promise<RunningProxy> {
  try {
    return await startProxy(configuration, options);
  } catch (error) {
    const isRefused = error instanceof ProxyWasmError && error.code === 'PW_ERR_CONFIGURE_REFUSED';
    if (!isRefused || config === undefined) throw error;
    const { message, code, cause } = error;
    throw new ProxyWasmError(code, `${message}; ${await howTaken(config)}`, { cause });
  }
}

/** A second signal finds nobody who listens, and so ends the process. */
function toldToStop(terminal: Terminal): Promise<void> {
  return new Promise((resolve) => {
    const stop = (): void => {
      terminal.off('SIGINT', stop);
      terminal.off('SIGTERM', stop);
      resolve();
    };
    terminal.on('SIGINT', stop);
    terminal.on('SIGTERM', stop);
  });
}

/** With --watch: the same, with filters that reload when their files change. */
function watched(configuration: EnvoyConfiguration, options: RunOptions): EnvoyConfiguration {
  if (options.watch !== true) return configuration;
  const watch = (plugin: PluginOptions): PluginOptions => {
    const { code } = plugin;
    const isFile = typeof code === 'string' || code instanceof URL;
    return isFile ? { ...plugin, watch: true } : plugin;
  };
  return {
    ...configuration,
    listeners: configuration.listeners.map((listener) => {
      const { filterChain } = listener;
      if (filterChain.kind === 'tcp') {
        const plugins = filterChain.plugins.map((each) => ({
          ...each,
          options: watch(each.options),
        }));
        return { ...listener, filterChain: { ...filterChain, plugins } };
      }
      const { connectionManager: manager } = filterChain;
      const plugins = manager.plugins.map((each) => ({ ...each, options: watch(each.options) }));
      return {
        ...listener,
        filterChain: { ...filterChain, connectionManager: { ...manager, plugins } },
      };
    }),
  };
}
