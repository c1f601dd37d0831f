import { isIP } from 'node:net';

import { buildConnector, Pool } from 'undici';
import type { UpstreamOptions } from '@proxy-wasm-node/core';
import type { Cluster } from '@proxy-wasm-node/envoy';

/** Connections to one host at most, as Envoy's circuit breaker has it. Requests beyond wait. */
const MAX_CONNECTIONS = 1024;
/** Streams on one HTTP/2 connection. */
const MAX_STREAMS = 100;

/** One server of a cluster, with the connections to it. */
export class UpstreamHost {
  /** What is connected to: an address, or with LOGICAL_DNS a name, resolved for each connection. */
  readonly host: string;
  readonly port: number;
  /** The endpoint's name in the configuration. */
  readonly hostname: string;
  readonly #cluster: Cluster;
  #pool: Pool | undefined;
  #upstream: UpstreamOptions | undefined;
  /** Of the last connection; where `host` is a name, nobody knows it before. */
  #address: string | undefined;

  constructor(cluster: Cluster, host: string, endpoint: { host: string; port: number }) {
    this.#cluster = cluster;
    this.host = host;
    this.port = endpoint.port;
    this.hostname = endpoint.host;
  }

  /** As Envoy writes it: "127.0.0.1:80", "[::1]:80". undefined: not known yet. */
  get address(): string | undefined {
    if (this.#address !== undefined) return this.#address;
    return /^[\d.]+$|:/.test(this.host)
      ? `${bracketed(this.host)}:${String(this.port)}`
      : undefined;
  }

  /** Scheme, host and port. */
  get origin(): string {
    const scheme = this.#cluster.tls === undefined ? 'http' : 'https';
    return `${scheme}://${bracketed(this.host)}:${String(this.port)}`;
  }

  /** For calls of filters. The same object each time: core knows by it what it has connections to. */
  get upstream(): UpstreamOptions {
    this.#upstream ??= {
      url: this.origin,
      connectTimeoutMs: this.#cluster.connectTimeoutMs,
      http2: this.#cluster.http2,
      ...(this.#cluster.tls !== undefined && { tls: this.tls }),
    };
    return this.#upstream;
  }

  /** Connections are made when something is asked of it, and kept. */
  get pool(): Pool {
    this.#pool ??= this.#createPool();
    return this.#pool;
  }

  /** Lets what is on its way come to its end. */
  close(): void {
    void this.#pool?.close();
  }

  /** Ends what is on its way. */
  destroy(): void {
    void this.#pool?.destroy();
  }

  #createPool(): Pool {
    const { connectTimeoutMs, http2, dnsFamily } = this.#cluster;
    const connect = buildConnector({
      ...this.tls,
      timeout: connectTimeoutMs,
      allowH2: http2,
      ...(dnsFamily !== 0 && { family: dnsFamily }),
      // Prior knowledge: without TLS nobody can be asked.
      ...(http2 && this.#cluster.tls === undefined ? { useH2c: true } : {}),
    });
    return new Pool(this.origin, {
      connections: MAX_CONNECTIONS,
      pipelining: http2 ? MAX_STREAMS : 1,
      allowH2: http2,
      // Routes have timeouts.
      headersTimeout: 0,
      bodyTimeout: 0,
      connect: (options, callback) => {
        // undici would take the name that is checked from the request.
        const destination = { ...options };
        delete destination.servername;
        connect(destination, (...result) => {
          this.#connected(result[1]?.remoteAddress);
          callback(...result);
        });
      },
    });
  }

  #connected(address: string | undefined): void {
    if (address !== undefined) this.#address = `${bracketed(address)}:${String(this.port)}`;
  }

  /**
   * For `tls.connect`. As in Envoy, nobody's certificate is checked where no authority is given; one
   * without bytes stands for those that Node knows.
   */
  get tls(): object {
    const { tls } = this.#cluster;
    if (tls === undefined) return {};
    const { ca, cert, key } = tls;
    const servername = tls.sni ?? (isIP(this.hostname) === 0 ? this.hostname : undefined);
    return {
      rejectUnauthorized: ca !== undefined,
      ...(ca !== undefined && ca.length > 0 && { ca: Buffer.from(ca) }),
      ...(cert !== undefined && { cert: Buffer.from(cert) }),
      ...(key !== undefined && { key: Buffer.from(key) }),
      ...(servername !== undefined && { servername }),
    };
  }
}

function bracketed(host: string): string {
  return host.includes(':') ? `[${host}]` : host;
}
