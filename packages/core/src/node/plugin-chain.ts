import { LogLevel } from '../abi/types.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import { createPlugin, failedPlugin, hasLogger, hostLog, type Host } from '../host.js';
import { toLogSink, type Logger } from '../logger.js';
import { DEFAULT_LIMITS, type PluginOptions } from '../options.js';
import { Plugin } from '../plugin.js';
import type { StreamPlugin } from '../stream/ports.js';

/** A plugin that the caller made and closes, or what to make one of. */
export type PluginInput = PluginOptions | Plugin;

/** What a filter is made of: one plugin, several in order, or a chain that was made before. */
export type FilterPlugins = PluginInput | readonly PluginInput[] | PluginChain;

/**
 * Makes a chain once, to be given to `wasmFilter` of any adapter, as often as wanted: in several
 * apps, scopes and routes. Its plugins start at once. Closing a filter leaves it alone; whoever
 * made it closes it.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
 */
export function createPluginChain(
  plugins: PluginInput | readonly PluginInput[],
  options: { host?: Host } = {},
): PluginChain {
  return new PluginChain(plugins, options.host, undefined);
}

/** How a chain's messages call things. */
export interface ChainWords {
  readonly filter: string;
  readonly outcome: string;
}

const HTTP_WORDS: ChainWords = { filter: 'wasmFilter', outcome: 'requests are answered' };

/**
 * The plugins of a filter, in order. Those that are given as options are started at once and are
 * the chain's own; one that can't start stands in its place and fails as its policy says.
 */
export class PluginChain {
  /** Undefined until each has started or failed to. */
  plugins: readonly StreamPlugin[] | undefined;
  /** Those of {@link plugins} that are plugins, not what stands for one whose options were refused. */
  readonly all: Plugin[] = [];
  /** Most that one of its plugins may hold of a body. */
  bufferedBodyBytes = DEFAULT_LIMITS.bufferedBodyBytes;
  /** Resolves when {@link plugins} is there. */
  readonly settled: Promise<void>;
  readonly #own: Plugin[] = [];
  readonly #words: ChainWords;
  #failure: unknown;

  /**
   * @param logger takes what plugins log that have none of their own, on a host that was given none
   * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID
   */
  constructor(
    inputs: PluginInput | readonly PluginInput[],
    host: Host | undefined,
    logger: Logger | undefined,
    words: ChainWords = HTTP_WORDS,
  ) {
    this.#words = words;
    const list: readonly PluginInput[] = Array.isArray(inputs)
      ? (inputs as readonly PluginInput[])
      : [inputs as PluginInput];
    for (const input of list) checkInput(input, words);
    if (list.every((input) => input instanceof Plugin)) {
      this.#use(list);
      this.settled = Promise.resolve();
    } else {
      this.settled = Promise.all(
        list.map((input) => this.#start(withLogger(input, host, logger), host)),
      ).then((plugins) => {
        this.#use(plugins);
      });
    }
  }

  /** Resolves when all have started. Rejects with the error of one that could not. */
  async ready(): Promise<void> {
    await this.settled;
    if (this.#failure !== undefined) throw this.#failure as Error;
  }

  /** Closes the plugins that are the chain's own. */
  async close(): Promise<void> {
    await this.settled;
    await Promise.all(this.#own.map((plugin) => plugin.close()));
  }

  #use(plugins: readonly StreamPlugin[]): void {
    this.plugins = plugins;
    this.all.push(...plugins.filter((plugin) => plugin instanceof Plugin));
    const limits = plugins.map((plugin) =>
      plugin instanceof Plugin ? plugin.limits.bufferedBodyBytes : 0,
    );
    this.bufferedBodyBytes = Math.max(...limits) || DEFAULT_LIMITS.bufferedBodyBytes;
  }

  async #start(input: PluginInput, host: Host | undefined): Promise<StreamPlugin> {
    if (input instanceof Plugin) return input;
    try {
      const plugin = await (host === undefined ? createPlugin(input) : host.createPlugin(input));
      this.#own.push(plugin);
      return plugin;
    } catch (error) {
      this.#couldNotStart(error, input, host);
      const plugin = failedPlugin(input, host, error);
      if (plugin !== undefined) this.#own.push(plugin);
      const { name = '', failurePolicy } = input;
      return plugin ?? { name, context: undefined, failOpen: failurePolicy === 'fail-open' };
    }
  }

  #couldNotStart(error: unknown, input: PluginOptions, host: Host | undefined): void {
    this.#failure ??= error;
    const sink = input.logger === undefined ? hostLog(host) : toLogSink(input.logger);
    const policy = input.failurePolicy ?? 'fail-reload';
    const { filter, outcome } = this.#words;
    const message = `${filter}: ${messageOf(error)}; ${outcome} as ${policy} says`;
    sink.write(LogLevel.ERROR, { err: error }, message);
  }
}

function withLogger(
  input: PluginInput,
  host: Host | undefined,
  logger: Logger | undefined,
): PluginInput {
  if (logger === undefined || input instanceof Plugin || hasLogger(host)) return input;
  return { ...input, logger: input.logger ?? logger };
}

function checkInput(input: unknown, { filter }: ChainWords): void {
  if (typeof input === 'object' && input !== null) return;
  throw new ProxyWasmError(
    'PW_ERR_OPTIONS_INVALID',
    `${filter} takes plugins or options of plugins (or an array of them), not ${String(input)}`,
  );
}
