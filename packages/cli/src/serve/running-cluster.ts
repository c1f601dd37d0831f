import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';

import type { Upstream } from '@proxy-wasm-node/core';
import type { TcpUpstreamOptions } from '@proxy-wasm-node/core/tcp';
import type { Cluster, Endpoint } from '@proxy-wasm-node/envoy';

import { UpstreamHost } from './upstream-host.js';

/** How often names are resolved again: Envoy's default. */
const DNS_REFRESH_MS = 5000;

/** Told of what is worth a line in the log. */
export type Report = (message: string) => void;

/** The hosts of a cluster, taken in turns. */
export class RunningCluster {
  readonly config: Cluster;
  readonly #report: Report;
  #hosts: readonly UpstreamHost[] = [];
  #next = 0;
  #timer: NodeJS.Timeout | undefined;
  /** Names that could not be resolved the last time. */
  readonly #unresolved = new Set<string>();

  constructor(config: Cluster, report: Report) {
    this.config = config;
    this.#report = report;
  }

  /** Resolves names for the first time. Never rejects: a name that is unknown has no hosts yet. */
  async open(): Promise<void> {
    const { type, endpoints } = this.config;
    if (type === 'LOGICAL_DNS') {
      this.#hosts = endpoints.map((endpoint) => this.#hostOf(endpoint.host, endpoint));
      return;
    }
    await this.#resolve();
    if (type !== 'STRICT_DNS' || endpoints.every(({ host }) => isIP(host) !== 0)) return;
    this.#timer = setInterval(() => void this.#resolve(), DNS_REFRESH_MS).unref();
  }

  /** How many there are. */
  get size(): number {
    return this.#hosts.length;
  }

  /** The next in turn; undefined: there is none. */
  pick(): UpstreamHost | undefined {
    const hosts = this.#hosts;
    if (hosts.length <= 1) return hosts[0];
    const host = hosts[this.#next % hosts.length];
    this.#next += 1;
    return host;
  }

  /** For calls of filters: the next host in turn. */
  upstream(): Upstream {
    const host = this.pick();
    return host === undefined ? noHealthyUpstream : host.upstream;
  }

  /** For a TCP proxy's connection: the next host in turn; undefined: there is none. */
  tcpUpstream(): TcpUpstreamOptions | undefined {
    const host = this.pick();
    if (host === undefined) return undefined;
    const { connectTimeoutMs, tls } = this.config;
    return {
      host: host.host,
      port: host.port,
      connectTimeoutMs,
      ...(tls !== undefined && { tls: host.tls }),
    };
  }

  /** Ends what is on its way. */
  close(): void {
    clearInterval(this.#timer);
    for (const host of this.#hosts) host.destroy();
  }

  #hostOf(address: string, endpoint: Endpoint): UpstreamHost {
    const { port } = endpoint;
    const known = this.#hosts.find((host) => host.host === address && host.port === port);
    return known ?? new UpstreamHost(this.config, address, endpoint);
  }

  async #resolve(): Promise<void> {
    const lists = await Promise.all(this.config.endpoints.map((each) => this.#hostsOf(each)));
    const before = this.#hosts;
    const after = lists.flat();
    this.#hosts = after;
    for (const host of before) if (!after.includes(host)) host.close();
  }

  /** Of one endpoint; those it had where its name can't be resolved now, as in Envoy. */
  async #hostsOf(endpoint: Endpoint): Promise<UpstreamHost[]> {
    const { host: name } = endpoint;
    try {
      const addresses = isIP(name) === 0 ? await this.#addressesOf(name) : [name];
      this.#unresolved.delete(name);
      return addresses.map((address) => this.#hostOf(address, endpoint));
    } catch (error) {
      this.#couldNotResolve(name, error as NodeJS.ErrnoException);
      return this.#hosts.filter(
        ({ hostname, port }) => hostname === name && port === endpoint.port,
      );
    }
  }

  /**
   * Deviates: where a name has addresses of both kinds and the configuration does not choose, Envoy
   * takes those of IPv6. `localhost` has both on most machines, and servers listen on IPv4.
   */
  async #addressesOf(name: string): Promise<string[]> {
    const found = await lookup(name, { all: true, family: this.config.dnsFamily });
    const family4 = found.filter(({ family }) => family === 4);
    const used = family4.length > 0 ? family4 : found;
    return [...new Set(used.map(({ address }) => address))].sort();
  }

  /** Once, not with each new attempt. */
  #couldNotResolve(name: string, { code = 'unknown' }: NodeJS.ErrnoException): void {
    if (this.#unresolved.has(name)) return;
    this.#unresolved.add(name);
    this.#report(`cluster ${this.config.name}: ${name} could not be resolved (${code})`);
  }
}

/** What a filter's call gets where a cluster has no hosts. */
function noHealthyUpstream(): Response {
  return new Response('no healthy upstream', {
    status: 503,
    headers: { 'content-type': 'text/plain' },
  });
}
