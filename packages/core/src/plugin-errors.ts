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
