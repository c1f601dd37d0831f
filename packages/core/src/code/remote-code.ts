/** Code that is fetched: found in the cache, or got from where it is, once for all who ask. */
import { messageOf, ProxyWasmError } from '../errors.js';
import { DigestFolder, digestOf, noCache, type DigestCache } from './digest-cache.js';
import { FailedSources } from './failed-sources.js';
import { HttpClient } from './http-client.js';
import { fetchFile } from './http-file.js';
import { fetchImage } from './oci/image.js';
import type { RemoteLoading } from './remote-loading.js';
import { parseRemoteUrl, type RemoteUrl } from './remote-url.js';
import { fetchError } from './source-errors.js';
import { resolveSource, type SourceSettings } from './source-settings.js';

/** A module's bytes, and their digest in hex. */
export interface RemoteBytes {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly sha256: string;
}

const fetching = new Map<string, Promise<RemoteBytes>>();
const failed = new FailedSources();

/**
 * Gets code from an `https:`, `http:` or `oci:` URL. Who asks for the same while it is being fetched
 * waits for the same.
 *
 * @param expected the digest that it must have, in small hex digits; undefined: any
 * @throws ProxyWasmError PW_ERR_CODE_FETCH, _REFUSED, _REDIRECT, _TOO_LARGE, _NOT_FOUND, _DIGEST,
 *   _IMAGE
 */
export async function readRemoteCode(
  code: string | URL,
  expected: string | undefined,
  loading: RemoteLoading,
): Promise<RemoteBytes> {
  const settings = resolveSource(loading.source);
  // Only what says the same of where, how and what gets the same; as a digest, since it has secrets.
  const key = digestOf(Buffer.from(JSON.stringify([String(code), expected, settings])));
  const running = fetching.get(key);
  if (running !== undefined) return running;
  if (loading.again === true) failed.delete(key);
  const started = load({ remote: parseRemoteUrl(code), expected, settings, key }, loading);
  fetching.set(key, started);
  try {
    return await started;
  } finally {
    fetching.delete(key);
  }
}

interface Wanted {
  readonly remote: RemoteUrl;
  readonly expected: string | undefined;
  readonly settings: SourceSettings;
  readonly key: string;
}

async function load(
  { remote, expected, settings, key }: Wanted,
  loading: RemoteLoading,
): Promise<RemoteBytes> {
  const cache = openCache(settings, remote, loading);
  const kept = expected === undefined ? undefined : await cache.read(expected);
  if (kept !== undefined && expected !== undefined) {
    loading.count?.('cache_hits');
    return { bytes: new Uint8Array(kept), sha256: expected };
  }
  const failure = failed.find(key);
  if (failure !== undefined) {
    loading.count?.('cache_negative_hits');
    throw failure;
  }
  loading.count?.('cache_misses');
  try {
    const bytes = await fetchNow(remote, settings, cache);
    const sha256 = checkDigest(bytes, expected, remote);
    await cache.write(sha256, bytes);
    loading.count?.('fetch_successes');
    return { bytes, sha256 };
  } catch (error) {
    loading.count?.('fetch_failures');
    const known = error instanceof ProxyWasmError ? error : unexpected(remote, error);
    if (settings.negativeCacheMs !== false) failed.add(key, known, settings.negativeCacheMs);
    throw known;
  }
}

function openCache(
  { cacheDir, cacheTtlMs, maxBytes }: SourceSettings,
  remote: RemoteUrl,
  loading: RemoteLoading,
): DigestCache {
  if (cacheDir === false) return noCache;
  const warn = (message: string): void => {
    loading.warn(`code from ${remote.shown}: ${message}`);
  };
  return new DigestFolder({ folder: cacheDir, ttlMs: cacheTtlMs, maxBytes, warn });
}

async function fetchNow(
  remote: RemoteUrl,
  settings: SourceSettings,
  cache: DigestCache,
): Promise<Uint8Array<ArrayBuffer>> {
  // A registry is where its name says; an origin that a host gives is for its web servers.
  const client = new HttpClient(
    remote.kind === 'oci' ? { ...settings, origin: undefined } : settings,
  );
  try {
    return remote.kind === 'oci'
      ? await fetchImage(remote, settings, client, cache)
      : await fetchFile(remote, settings, client);
  } finally {
    await client.close();
  }
}

/** @throws ProxyWasmError PW_ERR_CODE_DIGEST */
function checkDigest(bytes: Uint8Array, expected: string | undefined, remote: RemoteUrl): string {
  const sha256 = digestOf(bytes);
  if (expected === undefined || expected === sha256) return sha256;
  const isTag = remote.kind === 'oci' && remote.digest === undefined;
  const moved = isTag ? `the tag ${remote.tag} has moved, or was never that` : 'it has changed';
  throw new ProxyWasmError(
    'PW_ERR_CODE_DIGEST',
    `the module from ${remote.shown} (${String(bytes.length)} bytes) has sha256 ${sha256}, not ` +
      `${expected} as the option sha256 demands; nothing of it was run. Either ${moved}: find out ` +
      'why, then correct the option, or the source',
  );
}

/** Something that this code did not think of. */
function unexpected({ shown }: RemoteUrl, error: unknown): ProxyWasmError {
  return fetchError(`${shown} could not be fetched: ${messageOf(error)}`, error);
}
