import { ProxyWasmError } from '@proxy-wasm-node/core';

export function invalid(message: string): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_OPTIONS_INVALID', `wasmFilter: ${message}`);
}
