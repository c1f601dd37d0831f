import { ProxyWasmError, type ErrorCode } from '@proxy-wasm-node/core';

import type { ConfigPosition } from './position.js';

const MAX_PATH_CHARS = 300;

/** Where: `envoy.yaml:3:7: static_resources.listeners[0]`, or the same in words without a file. */
export function describePosition({ file, path, line, column }: ConfigPosition): string {
  const where =
    file === undefined
      ? `line ${String(line)}, column ${String(column)}`
      : `${file}:${String(line)}:${String(column)}`;
  return path === '' ? where : `${where}: ${shorten(path)}`;
}

function shorten(path: string): string {
  return path.length <= MAX_PATH_CHARS ? path : `${path.slice(0, MAX_PATH_CHARS)}…`;
}

/** An error about a place in a configuration, in one line: where, what came, what to do. */
export function configError(code: ErrorCode, at: ConfigPosition, message: string): ProxyWasmError {
  return new ProxyWasmError(code, `${describePosition(at)}: ${message}`);
}

/** Something that Envoy would not take either. Throws PW_ERR_ENVOY_INVALID. */
export function refuseInvalid(at: ConfigPosition, message: string): never {
  throw configError('PW_ERR_ENVOY_INVALID', at, message);
}

/** Something of Envoy's that is not here. Throws PW_ERR_ENVOY_UNSUPPORTED. */
export function refuseUnsupported(at: ConfigPosition, message: string): never {
  throw configError('PW_ERR_ENVOY_UNSUPPORTED', at, message);
}
