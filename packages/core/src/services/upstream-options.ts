import type { UpstreamOptions, UpstreamTlsOptions } from '../options.js';

/** Defaults of {@link UpstreamOptions}. */
export const UPSTREAM_DEFAULTS = {
  connections: 128,
  connectTimeoutMs: 10_000,
  headersTimeoutMs: 300_000,
  bodyTimeoutMs: 300_000,
  maxResponseBytes: 16 * 1024 * 1024,
} as const;

/** A server behind a name, with everything that was left to defaults. */
export interface ResolvedUpstream {
  readonly url: URL;
  readonly tls: UpstreamTlsOptions;
  readonly http2: boolean;
  readonly connections: number;
  readonly connectTimeoutMs: number;
  readonly headersTimeoutMs: number;
  readonly bodyTimeoutMs: number;
  readonly maxResponseBytes: number;
}

/** Checked options, completed. */
export function resolveUpstreamOptions(given: string | UpstreamOptions): ResolvedUpstream {
  const options: UpstreamOptions = typeof given === 'string' ? { url: given } : given;
  return {
    url: new URL(options.url ?? options.origin ?? ''),
    tls: options.tls ?? {},
    http2: options.http2 ?? false,
    connections: options.connections ?? UPSTREAM_DEFAULTS.connections,
    connectTimeoutMs: options.connectTimeoutMs ?? UPSTREAM_DEFAULTS.connectTimeoutMs,
    headersTimeoutMs: options.headersTimeoutMs ?? UPSTREAM_DEFAULTS.headersTimeoutMs,
    bodyTimeoutMs: options.bodyTimeoutMs ?? UPSTREAM_DEFAULTS.bodyTimeoutMs,
    maxResponseBytes: options.maxResponseBytes ?? UPSTREAM_DEFAULTS.maxResponseBytes,
  };
}

/** Host name of a URL for sockets: an IPv6 address without its brackets. */
export function hostnameOf({ hostname }: URL): string {
  return hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
}
