import type { UpstreamOptions, UpstreamTlsOptions } from '@proxy-wasm-node/core';

import type { Cluster, ClusterTls, Endpoint } from './model.js';

/** A cluster as core's `upstreams` take it: what filters call by its name. */
export function upstreamOf(cluster: Cluster): UpstreamOptions {
  const { endpoints, http2, connectTimeoutMs, tls } = cluster;
  const [first = '', ...others] = endpoints.map((endpoint) => originOf(cluster, endpoint));
  return {
    ...(others.length === 0 ? { url: first } : { origins: [first, ...others] }),
    ...{ http2, connectTimeoutMs },
    ...(tls !== undefined && { tls: tlsOf(tls) }),
  };
}

/** Scheme, host and port. */
export function originOf({ tls }: Cluster, { host, port }: Endpoint): string {
  const scheme = tls === undefined ? 'http' : 'https';
  return `${scheme}://${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

/** Without a `ca` nobody's certificate is checked, as in Envoy. */
export function tlsOf({ ca, cert, key, sni }: ClusterTls): UpstreamTlsOptions {
  return {
    ...(ca === undefined ? { rejectUnauthorized: false } : { ca }),
    ...(cert !== undefined && { cert }),
    ...(key !== undefined && { key }),
    ...(sni !== undefined && { servername: sni }),
  };
}
