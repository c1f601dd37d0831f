import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';

import type { CodeSourceOptions, RetryBackoff } from './code-source-options.js';

/** {@link CodeSourceOptions} with their defaults. */
export interface SourceSettings extends Omit<CodeSourceOptions, 'origin'> {
  readonly origin?: string | undefined;
  readonly cacheDir: string | false;
  readonly cacheTtlMs: number;
  readonly maxBytes: number;
  readonly timeoutMs: number;
  readonly retries: number;
  readonly retryBackoff: Required<RetryBackoff>;
  readonly negativeCacheMs: number | false;
  /** By names in small letters. */
  readonly headers: Readonly<Record<string, string>>;
}

const DAY_MS = 24 * 60 * 60 * 1000;

export function resolveSource(options: CodeSourceOptions = {}): SourceSettings {
  const { baseIntervalMs = 1000, maxIntervalMs = 10 * baseIntervalMs } = options.retryBackoff ?? {};
  return {
    ...options,
    cacheDir: options.cacheDir ?? defaultCacheDir(),
    cacheTtlMs: options.cacheTtlMs ?? DAY_MS,
    maxBytes: options.maxBytes ?? 256 * 1024 * 1024,
    timeoutMs: options.timeoutMs ?? 10_000,
    retries: options.retries ?? 1,
    retryBackoff: { baseIntervalMs, maxIntervalMs },
    negativeCacheMs: options.negativeCacheMs ?? 10_000,
    headers: Object.fromEntries(
      Object.entries(options.headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]),
    ),
  };
}

/** Where the system keeps what can be fetched again. */
function defaultCacheDir(): string {
  const { XDG_CACHE_HOME: xdg, LOCALAPPDATA: local } = process.env;
  const name = 'proxy-wasm-node';
  if (process.platform === 'win32' && local !== undefined && local !== '') return join(local, name);
  const home = homeFolder();
  if (home === undefined) return join(tmpdir(), name);
  if (process.platform === 'darwin') return join(home, 'Library', 'Caches', name);
  return xdg === undefined || xdg === '' ? join(home, '.cache', name) : join(xdg, name);
}

/** A user that the system does not know has none. */
function homeFolder(): string | undefined {
  try {
    return homedir();
  } catch {
    return undefined;
  }
}
