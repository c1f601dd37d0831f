import type { PluginContext } from './contexts/plugin-context.js';
import { ProxyWasmError, type RecentHostcall } from './errors.js';
import { describeFrame } from './vm/guest-stack.js';

/** Frames of a guest's stack that are worth a line: of a panic, a dozen are the runtime's. */
const MAX_FRAMES = 24;

/** The same error with its plugin named; what is no error of ours is a bug, and stays as it is. */
export function inPlugin(pluginName: string, error: unknown, hint = ''): unknown {
  if (!(error instanceof ProxyWasmError) || error.pluginName !== undefined) return error;
  const { code, contextId, callback, guestStack, hostcalls, cause = error } = error;
  const message = `plugin "${pluginName}": ${error.message}${hint}`;
  const details = { pluginName, contextId, callback, guestStack, hostcalls, cause };
  return new ProxyWasmError(code, message, details);
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

/** Where the guest was and what it did last, a line each, behind the message of a failure; '' if not known. */
export function describeEvidence(error: unknown): string {
  if (!(error instanceof ProxyWasmError)) return '';
  const { guestStack, hostcalls = [] } = error;
  const frames = guestStack.slice(0, MAX_FRAMES).map((frame) => `\n    at ${describeFrame(frame)}`);
  const calls = hostcalls.length === 0 ? '' : `\n    last hostcalls: ${describeCalls(hostcalls)}`;
  return frames.join('') + calls;
}

/** `proxy_log OK (3 times), proxy_get_property NOT_FOUND` */
function describeCalls(calls: readonly RecentHostcall[]): string {
  const texts: { text: string; times: number }[] = [];
  for (const { name, status = '(no status)' } of calls) {
    const text = `${name} ${status}`;
    const last = texts.at(-1);
    if (last?.text === text) last.times += 1;
    else texts.push({ text, times: 1 });
  }
  return texts
    .map(({ text, times }) => (times === 1 ? text : `${text} (${String(times)} times)`))
    .join(', ');
}
