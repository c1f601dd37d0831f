/** Checks the options and completes them: the one place where that happens. */
import { checkRemoteCode, codeSource } from './code-source-checks.js';
import { isCompiledModule, nameOfCode } from './code/code-source.js';
import { messageOf, ProxyWasmError } from './errors.js';
import {
  arrayOf,
  callable,
  count,
  countOrFalse,
  delay,
  expect,
  flag,
  isObject,
  oneOf,
  recordOf,
  refuse,
  shape,
  text,
  type Check,
} from './option-checks.js';
import {
  DEFAULT_BACKOFF,
  DEFAULT_LIMITS,
  type Configuration,
  type HostOptions,
  type Limits,
  type ModuleCode,
  type PluginOptions,
  type ReloadBackoff,
  type ResolvedLimits,
  type ResolvedPluginOptions,
} from './options.js';
import type { SharedState } from './services/shared-state.js';
import { upstream } from './upstream-checks.js';

const NOTHING = new Uint8Array(0);

const code = expect(
  'a path, a URL, a Uint8Array or a WebAssembly.Module',
  (value) =>
    (typeof value === 'string' && value !== '') ||
    value instanceof URL ||
    value instanceof Uint8Array ||
    isCompiledModule(value),
);

const hexDigest = expect(
  'a sha256 digest (64 hex digits)',
  (value) => typeof value === 'string' && /^[0-9a-f]{64}$/i.test(value),
);

const configuration: Check = (value, path) => {
  if (typeof value !== 'string' && !(value instanceof Uint8Array)) toJson(value, path);
};

const environment: Check = (value, path) => {
  recordOf(text)(value, path);
  for (const [name, entry] of Object.entries(value as Record<string, string>)) {
    if (name === '' || /[=\0]/.test(name) || entry.includes('\0')) {
      throw new ProxyWasmError(
        'PW_ERR_OPTIONS_INVALID',
        `${path}.${name}: a variable's name must not be empty or hold "=" or NUL, nor its value NUL`,
      );
    }
  }
};

const LOG_METHODS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'log'];

const logger = expect(
  "a logger of pino's shape, or a console",
  (value) => isObject(value) && LOG_METHODS.some((method) => typeof value[method] === 'function'),
);

const tracer: Check = (value, path) => {
  const methods = isObject(value) ? [value['begin'], value['end']] : [];
  const given = methods.filter((method) => method !== undefined);
  if (given.length === 0 || !given.every((method) => typeof method === 'function')) {
    refuse(path, 'an object with a method begin, end or both', value);
  }
  const { textBytes } = value as { textBytes?: unknown };
  if (textBytes !== undefined) count('bytes')(textBytes, `${path}.textBytes`);
};

const properties: Check = (value, path) => {
  if (typeof value !== 'function' && !isObject(value))
    refuse(path, 'an object or a function', value);
};

const limits = shape({
  memoryBytes: count('bytes'),
  callbackTimeMs: countOrFalse('milliseconds'),
  pausedTimeMs: delay,
  bufferedBodyBytes: count('bytes'),
  upstreamCalls: count('calls'),
  upstreamBytes: count('bytes'),
  pairsBytes: count('bytes'),
  pairsEntries: count('entries'),
  headerBytes: count('bytes'),
  bodyBytes: count('bytes'),
  propertyBytes: count('bytes'),
  sharedDataBytes: count('bytes'),
  logLineBytes: count('bytes'),
  logLinesPerSecond: countOrFalse('lines'),
  startTimeMs: delay,
});

const reloadBackoff: Check = (value, path) => {
  shape({ baseIntervalMs: delay, maxIntervalMs: delay })(value, path);
  const { baseIntervalMs, maxIntervalMs } = { ...DEFAULT_BACKOFF, ...(value as ReloadBackoff) };
  if (maxIntervalMs < baseIntervalMs) {
    refuse(`${path}.maxIntervalMs`, 'at least baseIntervalMs', maxIntervalMs);
  }
};

const pluginOptions = shape(
  {
    code,
    sha256: hexDigest,
    allowUnpinned: flag,
    codeSource,
    name: text,
    rootId: text,
    configuration,
    vm: shape({ id: text, configuration, environment }),
    failurePolicy: oneOf('fail-closed', 'fail-open', 'fail-reload'),
    inFlightPolicy: oneOf('fail-closed', 'fail-open'),
    reloadBackoff,
    capabilities: arrayOf(text),
    limits,
    selfTest: callable,
    watch: flag,
    recycle: shape({ memoryBytes: count('bytes'), requests: count('requests') }),
    recordHostcalls: flag,
    allowOnHeadersStopIteration: flag,
    properties,
    upstreams: recordOf(upstream),
    logger,
    trace: tracer,
  },
  'code',
);

const STORE_METHODS: readonly (keyof SharedState)[] = [
  ...(['get', 'set', 'delete', 'entries'] as const),
  ...(['registerQueue', 'resolveQueue', 'enqueue', 'dequeue', 'removeListener'] as const),
  ...(['acquire', 'release'] as const),
];

function isAscending(value: unknown): boolean {
  if (!Array.isArray(value) || value.length === 0) return false;
  const bounds: readonly unknown[] = value;
  return bounds.every((bound, index) => {
    const before = index === 0 ? -Infinity : bounds[index - 1];
    return Number.isFinite(bound) && (bound as number) > (before as number);
  });
}

const hostOptions = shape({
  upstreams: recordOf(upstream),
  resolveUpstream: callable,
  logger,
  sharedState: expect(
    `an object with the methods ${STORE_METHODS.join(', ')}`,
    (value) =>
      isObject(value) && STORE_METHODS.every((method) => typeof value[method] === 'function'),
  ),
  metrics: shape({
    registry: expect(
      "a registry of prom-client's",
      (value) => isObject(value) && typeof value['registerMetric'] === 'function',
    ),
    meter: expect(
      'a meter of @opentelemetry/api',
      (value) => isObject(value) && typeof value['createObservableCounter'] === 'function',
    ),
    prefix: expect(
      'letters, digits, _ and :, not beginning with a digit',
      (value) => typeof value === 'string' && /^(?:[A-Za-z_:][\w:]*)?$/.test(value),
    ),
    tags: recordOf(expect('a regular expression', (value) => value instanceof RegExp)),
    buckets: expect('numbers in ascending order', isAscending),
  }),
  instruments: flag,
  foreignFunctions: recordOf(callable),
  hostFunctions: recordOf(callable),
  codeSource,
  clock: (value, path) => {
    if (!isObject(value) || typeof value['nowNs'] !== 'function') {
      refuse(path, 'an object with a method nowNs', value);
    }
    const timers = [value['setTimer'], value['clearTimer']];
    const given = timers.filter((method) => method !== undefined);
    if (given.length === 1 || !given.every((method) => typeof method === 'function')) {
      refuse(path, 'an object with both setTimer and clearTimer, or neither', value);
    }
  },
});

/**
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID with the option's path, what was expected and what
 *   came
 */
export function checkHostOptions(options: HostOptions): void {
  if (!isObject(options)) refuse('host options', 'an object', options);
  hostOptions(options, '');
}

/**
 * Checks a plugin's options and fills in the defaults.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID with the option's path, what was expected and what
 *   came
 */
export function resolvePluginOptions(options: PluginOptions): ResolvedPluginOptions {
  if (!isObject(options)) refuse('plugin options', 'an object', options);
  pluginOptions(options, '');
  if (isCompiledModule(options.code)) checkModuleOptions(options);
  checkRemoteCode(options);
  if (options.watch === true) checkWatch(options);
  const { vm = {} } = options;
  return {
    code: options.code,
    sha256: options.sha256,
    codeSource: options.codeSource,
    name: options.name ?? nameOfCode(options.code),
    rootId: options.rootId ?? '',
    configuration: toBytes(options.configuration, 'configuration'),
    vmId: vm.id,
    vmConfiguration: toBytes(vm.configuration, 'vm.configuration'),
    environment: { ...vm.environment },
    ...policiesOf(options),
    capabilities: options.capabilities && [...options.capabilities],
    limits: resolveLimits(options),
    selfTest: options.selfTest,
    watch: options.watch ?? false,
    recycle: options.recycle && { ...options.recycle },
    recordHostcalls: options.recordHostcalls,
    allowOnHeadersStopIteration: options.allowOnHeadersStopIteration ?? false,
    properties: options.properties,
    upstreams: options.upstreams,
    logger: options.logger,
    trace: options.trace,
  };
}

function policiesOf({
  failurePolicy = 'fail-reload',
  inFlightPolicy,
  reloadBackoff,
}: PluginOptions) {
  const otherwise = failurePolicy === 'fail-open' ? 'fail-open' : 'fail-closed';
  return {
    failurePolicy,
    inFlightPolicy: inFlightPolicy ?? otherwise,
    reloadBackoff: { ...DEFAULT_BACKOFF, ...reloadBackoff },
  } as const;
}

/** Checks the options that `reload` takes. */
export function checkReload(change: object): void {
  if (!isObject(change)) refuse('the change', 'an object', change);
  shape({ code, sha256: hexDigest, configuration, selfTest: callable })(change, '');
}

/** Checks what `inspectModule` takes; nothing is run, so any code that comes is good enough. */
export function checkInspect(given: ModuleCode, options: object): void {
  if (!isObject(options)) refuse('the options', 'an object', options);
  code(given, 'code');
  shape({ sha256: hexDigest, codeSource, logger })(options, '');
  checkRemoteCode({ code: given, allowUnpinned: true });
}

function resolveLimits({ limits: given = {} }: PluginOptions): ResolvedLimits {
  const entries = Object.entries(DEFAULT_LIMITS).map(([name, value]: [string, unknown]) => [
    name,
    given[name as keyof Limits] ?? value,
  ]);
  return Object.fromEntries(entries) as ResolvedLimits;
}

/** Limits and digests are about a module's bytes, and a compiled module has none. */
function checkModuleOptions({ sha256, limits: given = {} }: PluginOptions): void {
  const problem =
    (sha256 !== undefined && 'sha256 can not be checked') ||
    (given.memoryBytes !== undefined && 'limits.memoryBytes can not be enforced') ||
    (given.callbackTimeMs !== false &&
      'limits.callbackTimeMs can not be enforced: set it to false');
  if (problem === false) return;
  throw new ProxyWasmError(
    'PW_ERR_OPTIONS_INVALID',
    `code is a WebAssembly.Module, which has no bytes, so ${problem}, or give the bytes as code`,
  );
}

/** A digest names one content, and only a file can change. */
function checkWatch({ code, sha256 }: PluginOptions): void {
  if (typeof code !== 'string' && !(code instanceof URL)) {
    refuse('code', 'a path or a file: URL where watch is true', code);
  }
  if (sha256 !== undefined) refuse('sha256', 'absent where watch is true', sha256);
}

/** A configuration's bytes, in memory of their own. */
function toBytes(value: Configuration | undefined, path: string): Uint8Array {
  if (value === undefined) return NOTHING;
  if (value instanceof Uint8Array) return new Uint8Array(value);
  return Buffer.from(typeof value === 'string' ? value : toJson(value, path), 'utf8');
}

function toJson(value: unknown, path: string): string {
  return stringify(value, path) ?? refuse(path, 'text, bytes or a JSON value', value);
}

/** undefined where there is no JSON for it, as for a function. */
function stringify(value: unknown, path: string): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (cause) {
    throw new ProxyWasmError(
      'PW_ERR_OPTIONS_INVALID',
      `${path} can not be written as JSON: ${messageOf(cause)}`,
      { cause },
    );
  }
}
