/** Checks what the options say of upstreams. */
import {
  arrayOf,
  callable,
  count,
  expect,
  flag,
  isObject,
  refuse,
  shape,
  text,
  type Check,
} from './option-checks.js';
import type { Upstream } from './options.js';

export const originUrl: Check = (value, path) => {
  const url = typeof value === 'string' && URL.canParse(value) ? new URL(value) : undefined;
  if (url === undefined || !/^https?:$/.test(url.protocol)) {
    refuse(path, 'an http: or https: origin URL, options, or a function', value);
  }
  // Quietly dropping a path, or a password, would call something else than was meant.
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '' || url.username !== '') {
    refuse(path, 'an origin: scheme, host and port, with no path or user', value);
  }
};

const isSecret = (value: unknown): boolean =>
  typeof value === 'string' || value instanceof Uint8Array;

const secret = expect('PEM text or bytes', isSecret);
const secrets = expect(
  'PEM text, bytes, or a list of them',
  (value) => isSecret(value) || (Array.isArray(value) && value.every(isSecret)),
);

/** {@link UpstreamTlsOptions}. */
export const upstreamTls: Check = shape({
  ca: secrets,
  cert: secret,
  key: secret,
  passphrase: text,
  servername: text,
  rejectUnauthorized: flag,
});

const originUrls: Check = (value, path) => {
  arrayOf(originUrl)(value, path);
  if ((value as unknown[]).length === 0) refuse(path, 'at least one origin', value);
};

const options = shape({
  url: originUrl,
  origin: originUrl,
  origins: originUrls,
  tls: upstreamTls,
  http2: flag,
  connections: count('connections'),
  connectTimeoutMs: count('milliseconds'),
  headersTimeoutMs: count('milliseconds'),
  bodyTimeoutMs: count('milliseconds'),
  maxResponseBytes: count('bytes'),
});

/** One upstream: an origin URL, options, or a function. */
export const upstream: Check = (value, path) => {
  if (typeof value === 'function') return;
  if (!isObject(value)) {
    originUrl(value, path);
    return;
  }
  options(value, path);
  const given = [value['url'], value['origin'], value['origins']];
  const { length } = given.filter((origin) => origin !== undefined);
  if (length !== 1) refuse(`${path}.url`, 'given, once (or as origin or origins)', value['url']);
};

/** {@link HostOptions.resolveUpstream}, whose answers nobody has checked. */
export function checkingResolver(
  resolve: ((name: string) => Upstream | undefined) | undefined,
): (name: string) => Upstream | undefined {
  if (resolve === undefined) return () => undefined;
  callable(resolve, 'resolveUpstream');
  return (name) => {
    const resolved = resolve(name);
    if (resolved !== undefined) upstream(resolved, `resolveUpstream(${JSON.stringify(name)})`);
    return resolved;
  };
}
