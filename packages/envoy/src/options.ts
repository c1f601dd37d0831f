import { ProxyWasmError } from '@proxy-wasm-node/core';

import { nearestOf } from './schema/nearest.js';

type Kind = 'a string' | 'an object' | 'a string or a number';

const KINDS: Readonly<Record<string, Kind>> = {
  file: 'a string',
  baseDirectory: 'a string',
  environment: 'an object',
  listener: 'a string or a number',
};
const COMMON = ['file', 'baseDirectory', 'environment'];

/** @throws ProxyWasmError PW_ERR_OPTIONS_INVALID */
export function checkOptions(text: unknown, options: unknown, more: readonly string[]): void {
  if (typeof text !== 'string')
    refuse("must be text, as of a file's that was read as UTF-8", 'the configuration');
  if (typeof options !== 'object' || options === null) refuse('must be an object', 'options');
  const names = [...COMMON, ...more];
  for (const [name, value] of Object.entries(options)) {
    if (!names.includes(name)) refuseUnknown(name, names);
    const kind = KINDS[name];
    if (value !== undefined && !isOfKind(value, kind)) refuse(`must be ${String(kind)}`, name);
  }
}

function isOfKind(value: unknown, kind: Kind | undefined): boolean {
  if (kind === 'an object') return typeof value === 'object' && value !== null;
  if (typeof value === 'string') return true;
  return kind === 'a string or a number' && typeof value === 'number';
}

function refuseUnknown(name: string, names: readonly string[]): never {
  const nearest = nearestOf(name, names);
  const hint =
    nearest === undefined ? `the options are ${names.join(', ')}` : `did you mean ${nearest}?`;
  refuse(`is not an option; ${hint}`, name);
}

function refuse(message: string, name: string): never {
  throw new ProxyWasmError('PW_ERR_OPTIONS_INVALID', `${name} ${message}`);
}
