import { ProxyWasmError } from '../errors.js';

/** What an adapter throws where an app gives `wasmFilter` what it can't take. */
export function invalidOptions(message: string): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_OPTIONS_INVALID', `wasmFilter: ${message}`);
}
