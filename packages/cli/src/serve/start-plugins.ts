import {
  ProxyWasmError,
  type Host,
  type PluginOptions,
  type PropertyValue,
} from '@proxy-wasm-node/core';
import type { PluginInput } from '@proxy-wasm-node/core/node';
import type { WasmPlugin } from '@proxy-wasm-node/envoy';

/**
 * Starts the filters of a chain, in order. As in Envoy, one that can't be started is an error, unless
 * it is to fail open: then it is there all the same, and lets everything pass.
 *
 * @param more properties for all of them, beside their own
 * @throws ProxyWasmError
 */
export async function startPlugins(
  host: Host,
  plugins: readonly WasmPlugin[],
  more: Readonly<Record<string, PropertyValue>> = {},
): Promise<PluginInput[]> {
  const started: PluginInput[] = [];
  for (const { options } of plugins) started.push(await start(host, withProperties(options, more)));
  return started;
}

async function start(host: Host, options: PluginOptions): Promise<PluginInput> {
  try {
    return await host.createPlugin(options);
  } catch (error) {
    const isOption = error instanceof ProxyWasmError && error.code === 'PW_ERR_OPTIONS_INVALID';
    if (options.failurePolicy !== 'fail-open' || isOption) throw error;
    // The filter tries again, and says in the log what becomes of requests.
    return options;
  }
}

function withProperties(
  options: PluginOptions,
  more: Readonly<Record<string, PropertyValue>>,
): PluginOptions {
  const { properties = {} } = options;
  if (Object.keys(more).length === 0 || typeof properties === 'function') return options;
  return { ...options, properties: { ...more, ...properties } };
}
