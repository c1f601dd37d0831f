/** Where a module's code comes from: a path, a URL, bytes, or a compiled module. */
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { basename, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

import { messageOf, ProxyWasmError } from '../errors.js';
import type { ModuleCode } from '../options.js';
import type { RemoteLoading } from './remote-loading.js';
import { isRemote, nameOfRemote } from './remote-url.js';

/** `scheme://…`, or `scheme:…` for the ones in use; a drive letter is no scheme. */
const URL_LIKE = /^(?:[a-z][a-z0-9+.-]+:\/\/|(?:file|https?|oci|data|blob):)/i;

/** A module's original bytes, and where they came from. */
export interface CodeBytes {
  /** In memory of their own: nobody else changes them. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Of `bytes`, in hex. */
  readonly sha256: string;
  /** Of the file that they were read from; absent: they came from elsewhere. */
  readonly path?: string | undefined;
}

/** Whether `code` is a compiled module; one from another realm (a test's, a vm context's) too. */
export function isCompiledModule(code: unknown): code is WebAssembly.Module {
  return Object.prototype.toString.call(code) === '[object WebAssembly.Module]';
}

/** The name that a plugin gets from its code: the file's, without `.wasm`; else `plugin`. */
export function nameOfCode(code: ModuleCode): string {
  const path = isRemote(code) ? nameOfRemote(code) : code instanceof URL ? code.pathname : code;
  if (typeof path !== 'string') return 'plugin';
  const name = basename(decode(path).replace(/[?#].*$/, '')).replace(/\.wasm$/i, '');
  return name === '' ? 'plugin' : name;
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** For who asks no more than what there is. */
const PLAIN: RemoteLoading = { source: undefined, warn: () => undefined };

/**
 * Gets the bytes and checks their digest, before anything else looks at them.
 *
 * @param expectedSha256 in hex, of any case; undefined: not checked
 * @param loading how remote code is got
 * @throws ProxyWasmError PW_ERR_CODE_…
 */
export async function readCode(
  code: string | URL | Uint8Array,
  expectedSha256: string | undefined,
  loading: RemoteLoading = PLAIN,
): Promise<CodeBytes> {
  const expected = expectedSha256?.toLowerCase();
  if (isRemote(code)) {
    // Most apps have their code in files, and need nothing of what this takes to load.
    const { readRemoteCode } = await import('./remote-code.js');
    return readRemoteCode(code, expected, loading);
  }
  const bytes = code instanceof Uint8Array ? new Uint8Array(code) : await readCodeFile(code);
  const sha256 = createHash('sha256').update(bytes).digest('hex');
  if (expected !== undefined && expected !== sha256) {
    throw new ProxyWasmError(
      'PW_ERR_CODE_DIGEST',
      `the module has sha256 ${sha256}, not ${expected} as the option sha256 demands; nothing of ` +
        'it was run. Check where the file comes from, or correct the option',
    );
  }
  const path = code instanceof Uint8Array ? undefined : toPath(code);
  return { bytes, sha256, path };
}

async function readCodeFile(code: string | URL): Promise<Uint8Array<ArrayBuffer>> {
  const path = toPath(code);
  try {
    return new Uint8Array(await readFile(path));
  } catch (cause) {
    throw new ProxyWasmError(
      'PW_ERR_CODE_NOT_FOUND',
      `could not read ${path}: ${messageOf(cause)}; a relative path starts at the working ` +
        "directory, so prefer new URL('./filter.wasm', import.meta.url)",
      { cause },
    );
  }
}

/**
 * The path of a module's file.
 *
 * @throws ProxyWasmError PW_ERR_CODE_SCHEME, PW_ERR_CODE_NOT_FOUND
 */
export function toPath(code: string | URL): string {
  if (typeof code === 'string' && !URL_LIKE.test(code)) return resolve(code);
  const url = parseUrl(code);
  if (url?.protocol === 'file:') return fileUrlToPath(url);
  const scheme = url?.protocol ?? String(code).replace(/:[\s\S]*$/, ':');
  throw new ProxyWasmError(
    'PW_ERR_CODE_SCHEME',
    `code can't be loaded from ${scheme} URLs; give a path, a file:, https:, http: or oci: URL, the ` +
      'bytes, or a WebAssembly.Module',
  );
}

function parseUrl(code: string | URL): URL | undefined {
  try {
    return new URL(code);
  } catch {
    return undefined;
  }
}

function fileUrlToPath(url: URL): string {
  try {
    return fileURLToPath(url);
  } catch (cause) {
    throw new ProxyWasmError('PW_ERR_CODE_NOT_FOUND', `${url.href}: ${messageOf(cause)}`, {
      cause,
    });
  }
}
