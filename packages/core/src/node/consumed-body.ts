import { LogLevel } from '../abi/types.js';
import { ProxyWasmError } from '../errors.js';
import type { StreamPlugin } from '../stream/ports.js';

/**
 * Stands for a plugin that wants to see a body which somebody has read before it: to the stream it
 * has failed. A filter that never sees the body lets everything pass, and nobody would notice.
 */
export function refuseConsumedBody(plugin: StreamPlugin): StreamPlugin {
  const { name, context, failOpen } = plugin;
  if (context === undefined) return plugin;
  const { onRequestBody, onRequestTrailers } = context.vm.callbacks;
  if (onRequestBody === null && onRequestTrailers === null) return plugin;
  const error = new ProxyWasmError(
    'PW_ERR_BODY_CONSUMED',
    `plugin "${name}": the request's body was read before the filter could see it; mount the ` +
      'filter before body parsers, or set allowConsumedBody if it need not see bodies',
    { pluginName: name },
  );
  context.settings.log.write(LogLevel.ERROR, { plugin: name, err: error }, error.message);
  return { name, context: undefined, failOpen };
}
