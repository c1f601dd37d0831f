import { createHost, type Host, type Logger, type Service } from '@proxy-wasm-node/core';
import type { Cluster, EnvoyConfiguration, Listener } from '@proxy-wasm-node/envoy';

import { AdminServer } from './admin-server.js';
import type { Clusters } from './clusters.js';
import { HttpListener } from './http-listener.js';
import type { RunningCluster } from './running-cluster.js';
import type { RunningServer, ServeSetting } from './setting.js';

export interface ProxyOptions {
  /** Where filters' lines go, and the proxy's own. */
  readonly logger: Logger;
  /** How long {@link RunningProxy.close} waits for what is on its way, milliseconds. */
  readonly drainTimeoutMs?: number;
}

const DRAIN_TIMEOUT_MS = 10_000;

/** A configuration of Envoy's that runs. */
export interface RunningProxy {
  /** Its listeners, in order, and the admin server, if there is one. */
  readonly servers: readonly RunningServer[];
  readonly host: Host;
  /**
   * Takes no new connections, lets requests end (for `drainTimeoutMs`; then they are cut off), and
   * has the filters finish (`proxy_on_done`, `proxy_on_delete`). Never rejects.
   */
  close(): Promise<void>;
}

/**
 * Starts what a configuration says: services, filters, listeners, admin.
 *
 * @throws ProxyWasmError where a filter or service can't be started
 * @throws CommandError PW_ERR_LISTEN where an address can't be listened on; nothing is left then
 */
export async function startProxy(
  configuration: EnvoyConfiguration,
  options: ProxyOptions,
): Promise<RunningProxy> {
  const proxy = new Proxy(configuration, options);
  try {
    await proxy.open();
    return proxy;
  } catch (error) {
    proxy.destroy();
    await proxy.close();
    throw error;
  }
}

class Proxy implements RunningProxy {
  readonly servers: RunningServer[] = [];
  readonly host: Host;
  readonly #configuration: EnvoyConfiguration;
  readonly #options: ProxyOptions;
  readonly #services: Service[] = [];
  #clusters: Clusters | undefined;
  #closing: Promise<void> | undefined;

  constructor(configuration: EnvoyConfiguration, options: ProxyOptions) {
    this.#configuration = configuration;
    this.#options = options;
    const tags = Object.fromEntries(configuration.statsTags.map((tag) => [tag.name, tag.pattern]));
    this.host = createHost({
      logger: options.logger,
      resolveUpstream: (name) => this.#clusters?.upstream(name),
      // As in Envoy: no prefix is shown before the names that filters give.
      metrics: { prefix: '', tags },
    });
  }

  async open(): Promise<void> {
    const { clusters, wasmServices, listeners, admin } = this.#configuration;
    await this.#openClusters(clusters);
    for (const { options } of wasmServices) {
      this.#services.push(await this.host.createService(options));
    }
    for (const listener of listeners) await this.#openListener(listener);
    if (admin === undefined) return;
    const server = new AdminServer(this.host);
    this.servers.push(server);
    await server.open(admin);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Cuts off what is on its way. */
  destroy(): void {
    for (const server of this.servers) server.destroy();
  }

  get #drainTimeoutMs(): number {
    return this.#options.drainTimeoutMs ?? DRAIN_TIMEOUT_MS;
  }

  async #openClusters(clusters: readonly Cluster[]): Promise<void> {
    if (clusters.length === 0) return;
    // Not before: its library takes 70 ms to load.
    const { Clusters } = await import('./clusters.js');
    this.#clusters = new Clusters(clusters, (message) => {
      this.#options.logger.warn?.({}, message);
    });
    await this.#clusters.open();
  }

  async #openListener(listener: Listener): Promise<void> {
    const setting: ServeSetting = {
      host: this.host,
      clusterOf: (cluster) => this.#clusterOf(cluster),
      drainTimeoutMs: this.#drainTimeoutMs,
    };
    const { filterChain } = listener;
    if (filterChain.kind === 'http') {
      const server = new HttpListener(listener, filterChain.connectionManager, setting);
      this.servers.push(server);
      await server.open();
      return;
    }
    const { TcpListener } = await import('./tcp-listener.js');
    const server = new TcpListener(listener, filterChain, setting);
    this.servers.push(server);
    await server.open();
  }

  #clusterOf(cluster: Cluster): RunningCluster {
    if (this.#clusters === undefined) throw new Error('the configuration has no clusters');
    return this.#clusters.of(cluster);
  }

  async #close(): Promise<void> {
    const timer = setTimeout(() => {
      this.destroy();
    }, this.#drainTimeoutMs);
    await Promise.all(this.servers.map((server) => server.drain()));
    await this.host.close();
    clearTimeout(timer);
    this.#clusters?.close();
    for (const server of this.servers) server.destroy();
  }
}
