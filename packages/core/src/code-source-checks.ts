/** Checks what the options say of remote code. */
import type { CodeSourceOptions } from './code/code-source-options.js';
import { isRemote, parseRemoteUrl, RemoteUrlError, type RemoteUrl } from './code/remote-url.js';
import { ProxyWasmError } from './errors.js';
import {
  count,
  countOrFalse,
  delay,
  expect,
  flag,
  isObject,
  recordOf,
  refuse,
  shape,
  text,
  type Check,
} from './option-checks.js';
import type { PluginOptions } from './options.js';
import { originUrl, upstreamTls } from './upstream-checks.js';

const FRAMING =
  /^(?:host|connection|keep-alive|content-length|transfer-encoding|upgrade|expect|te|trailer)$/i;

/** A field's name and value as HTTP has them; the value is not shown, since it may be a secret. */
const headers: Check = (value, path) => {
  recordOf(text)(value, path);
  for (const [name, entry] of Object.entries(value as Record<string, string>)) {
    if (!/^[!#$%&'*+.^_`|~\w-]+$/.test(name)) refuse(path, 'names that HTTP allows', name);
    if (FRAMING.test(name)) refuse(path, 'without what the request itself says', name);
    if (!/^[\t\x20-\x7e\x80-\xff]*$/.test(entry)) {
      refuse(`${path}.${name}`, 'a value that HTTP allows', undefined);
    }
  }
};

const credentials: Check = (value, path) => {
  const isToken = isObject(value) && 'token' in value;
  const parts = isToken ? ['token'] : ['username', 'password'];
  shape(Object.fromEntries(parts.map((part) => [part, secretText])), ...parts)(value, path);
};

/** Of any length: none of it is shown. */
const secretText: Check = (value, path) => {
  if (typeof value !== 'string') refuse(path, 'a string', undefined);
};

const dockerConfig: Check = (value, path) => {
  if ((typeof value === 'string' && value !== '') || value instanceof URL) return;
  if (!isObject(value) || (value['auths'] !== undefined && !isObject(value['auths']))) {
    refuse(path, "a path, a file: URL, or an object as Docker's config.json", undefined);
  }
};

const retryBackoff: Check = (value, path) => {
  shape({ baseIntervalMs: delay, maxIntervalMs: delay })(value, path);
  const { baseIntervalMs = 1000, maxIntervalMs = Infinity } = value as {
    baseIntervalMs?: number;
    maxIntervalMs?: number;
  };
  if (maxIntervalMs < baseIntervalMs) {
    refuse(`${path}.maxIntervalMs`, 'at least baseIntervalMs', maxIntervalMs);
  }
};

/** {@link CodeSourceOptions}. */
export const codeSource: Check = shape({
  cacheDir: expect(
    'a path, or false',
    (value) => value === false || (typeof value === 'string' && value !== ''),
  ),
  cacheTtlMs: count('milliseconds'),
  maxBytes: count('bytes'),
  timeoutMs: delay,
  retries: expect(
    'a whole number from 0 to 100',
    (value) => Number.isInteger(value) && (value as number) >= 0 && (value as number) <= 100,
  ),
  retryBackoff,
  negativeCacheMs: countOrFalse('milliseconds'),
  headers,
  credentials,
  dockerConfig,
  plainHttp: flag,
  tls: upstreamTls,
  origin: originUrl,
} satisfies Record<keyof CodeSourceOptions, Check>);

/**
 * Code from a URL can be read as one, and says what is to come, or that anything may.
 *
 * @throws ProxyWasmError PW_ERR_OPTIONS_INVALID, with nothing that may be a secret
 */
export function checkRemoteCode({
  code,
  sha256,
  allowUnpinned,
  watch,
}: Pick<PluginOptions, 'code' | 'sha256' | 'allowUnpinned' | 'watch'>): void {
  if (!isRemote(code)) return;
  const remote = readRemote(code);
  if (watch === true) {
    throw invalid(`watch is for files, but code is ${remote.shown}; call reload() instead`);
  }
  const isPinned = sha256 !== undefined || (remote.kind === 'oci' && remote.digest !== undefined);
  if (isPinned || allowUnpinned === true) return;
  const orDigest = remote.kind === 'oci' ? ', or @sha256:… in the place of the tag' : '';
  throw invalid(
    `sha256 must be given, since code is ${remote.shown} and what comes from there can change: the ` +
      `module's digest${orDigest}; or set allowUnpinned: true to take whatever comes`,
  );
}

function readRemote(code: string | URL): RemoteUrl {
  try {
    return parseRemoteUrl(code);
  } catch (error) {
    if (!(error instanceof RemoteUrlError)) throw error;
    throw invalid(`code is a URL that ${error.message}`);
  }
}

function invalid(message: string): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_OPTIONS_INVALID', message);
}
