import type { PluginContext } from './contexts/plugin-context.js';
import { ProxyWasmError } from './errors.js';

/** Frames of a guest's stack that are worth a log line. */
const MAX_FRAMES = 8;

/** The same error with its plugin named; what is no error of ours is a bug, and stays as it is. */
export function inPlugin(pluginName: string, error: unknown, hint = ''): unknown {
  if (!(error instanceof ProxyWasmError) || error.pluginName !== undefined) return error;
  const { code, contextId, callback, cause = error } = error;
  const message = `plugin "${pluginName}": ${error.message}${hint}`;
  return new ProxyWasmError(code, message, { pluginName, contextId, callback, cause });
}

/**
 * What a failure of its VM is to one of the plugins on it: the error itself, named, if it happened
 * in the plugin's own contexts or can't be put down to one; else PW_ERR_PLUGIN_FAILED, whose cause
 * the error is, since this plugin is only the one that is hit by it.
 */
export function failureOf(
  pluginName: string,
  error: ProxyWasmError,
  context: PluginContext,
): ProxyWasmError {
  const { contextId, callback } = error;
  const failing = contextId === undefined ? undefined : context.vm.contexts.get(contextId)?.root;
  if (failing === undefined || failing === context) {
    return inPlugin(pluginName, error, hintFor(error, context)) as ProxyWasmError;
  }
  const { name } = (failing as PluginContext).settings;
  return new ProxyWasmError(
    'PW_ERR_PLUGIN_FAILED',
    `plugin "${pluginName}": the VM "${context.vm.identity.vmId}", which it shares, has failed in ` +
      `plugin "${name}": ${error.message}`,
    { pluginName, contextId, callback, cause: error },
  );
}

/** What people meet first when they use a module that is no HTTP (or TCP) filter as one. */
function hintFor(error: ProxyWasmError, root: PluginContext): string {
  const isStream = error.contextId !== root.id;
  return error.callback === 'proxy_on_context_create' && isStream
    ? '; a module without an HTTP context for its root id can not be used as an HTTP filter, nor ' +
        'one without a TCP context as a TCP filter'
    : '';
}

/** The guest's own frames of what was thrown, innermost first, one per line; '' if there are none. */
export function guestStack(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  const stack = (cause instanceof Error ? cause.stack : undefined) ?? '';
  const frames = stack.split('\n').filter((line) => line.includes('wasm://'));
  return frames
    .slice(0, MAX_FRAMES)
    .map((frame) => `\n${frame}`)
    .join('');
}
