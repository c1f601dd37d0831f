import type { PropertyValue } from '../abi/property-value.js';
import { messageOf, ProxyWasmError } from '../errors.js';
import { count, isObject, refuse } from '../option-checks.js';
import type { PluginOptions, ResolvedPluginOptions } from '../options.js';
import { resolvePluginOptions } from '../resolve-options.js';
import { exactBytes } from './exact-bytes.js';

/**
 * A {@link PluginOptions} for a plugin that sees no traffic. Of `limits`, those about requests mean
 * nothing to it. `failurePolicy`: 'fail-reload' starts it anew, with the others it stays failed.
 */
export interface ServiceOptions extends Omit<
  PluginOptions,
  | 'allowOnHeadersStopIteration'
  | 'inFlightPolicy'
  | 'recycle'
  | 'selfTest'
  | 'trace'
  | 'watch'
  | 'properties'
> {
  /** By dotted path; no function, since the service runs on another thread. */
  properties?: Readonly<Record<string, PropertyValue>>;
  /**
   * How long its thread waits for the main thread's store, milliseconds; default 10 000. What was
   * not begun by then is InternalFailure for the guest.
   */
  storeTimeoutMs?: number;
  /** How long `close()` waits for the guest, milliseconds; default 10 000. Then its thread is ended. */
  closeTimeoutMs?: number;
}

/** {@link ServiceOptions}, checked and complete. */
export interface ResolvedServiceOptions {
  readonly plugin: ResolvedPluginOptions;
  /** What its thread makes a plugin of: all but the code, and what is the main thread's. */
  readonly sent: Omit<PluginOptions, 'code'>;
  readonly properties: Readonly<Record<string, PropertyValue>> | undefined;
  readonly storeTimeoutMs: number;
  readonly closeTimeoutMs: number;
}

const DEFAULT_TIMEOUT_MS = 10_000;

/** Options of plugins alone, and why. */
const NOT_OF_SERVICES: Readonly<Record<string, string>> = {
  allowOnHeadersStopIteration: 'sees no requests',
  inFlightPolicy: 'sees no requests',
  recycle: 'sees no requests',
  selfTest: 'sees no requests',
  trace: 'runs on another thread',
  watch: 'is not reloaded: close it and make another',
};

/** @throws ProxyWasmError PW_ERR_OPTIONS_INVALID */
export function resolveServiceOptions(given: ServiceOptions): ResolvedServiceOptions {
  if (!isObject(given)) refuse('service options', 'an object', given);
  const { storeTimeoutMs, closeTimeoutMs, ...options } = given;
  for (const [name, value] of Object.entries({ storeTimeoutMs, closeTimeoutMs })) {
    if (value !== undefined) count('milliseconds')(value, name);
  }
  if (typeof options.properties === 'function') {
    refuse('properties', 'an object (a service runs on another thread)', options.properties);
  }
  for (const [name, reason] of Object.entries(NOT_OF_SERVICES)) {
    if (!(name in options)) continue;
    const message = `${name} is no option of a service, which ${reason}`;
    throw new ProxyWasmError('PW_ERR_OPTIONS_INVALID', message);
  }
  const plugin = resolvePluginOptions(options);
  return {
    plugin,
    sent: toSent(options, plugin),
    properties: options.properties,
    storeTimeoutMs: storeTimeoutMs ?? DEFAULT_TIMEOUT_MS,
    closeTimeoutMs: closeTimeoutMs ?? DEFAULT_TIMEOUT_MS,
  };
}

/** Code is read, and its digest checked, before it is sent; the others stay here. */
const STAYING = ['code', 'sha256', 'allowUnpinned', 'codeSource', 'logger', 'upstreams'] as const;

function toSent(given: PluginOptions, plugin: ResolvedPluginOptions): Omit<PluginOptions, 'code'> {
  const rest: Partial<PluginOptions> = { ...given };
  for (const name of STAYING) delete rest[name];
  const sent = {
    ...rest,
    name: plugin.name,
    configuration: exactBytes(plugin.configuration),
    vm: { ...given.vm, configuration: exactBytes(plugin.vmConfiguration) },
  };
  try {
    return structuredClone(sent);
  } catch (cause) {
    throw new ProxyWasmError(
      'PW_ERR_OPTIONS_INVALID',
      `the options can not be sent to the service's thread: ${messageOf(cause)}`,
      { cause },
    );
  }
}
