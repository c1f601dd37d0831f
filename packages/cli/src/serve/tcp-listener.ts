import type { Socket } from 'node:net';

import { createTcpProxy, type TcpProxy } from '@proxy-wasm-node/core/tcp';
import type { Listener, TcpFilterChain } from '@proxy-wasm-node/envoy';

import { listenOn } from './listen.js';
import type { RunningServer, ServeSetting } from './setting.js';
import { startPlugins } from './start-plugins.js';

/** A listener with network filters and a TCP proxy. */
export class TcpListener implements RunningServer {
  readonly kind = 'tcp';
  readonly name: string;
  address = '';
  port = 0;
  readonly #listener: Listener;
  readonly #chain: TcpFilterChain;
  readonly #setting: ServeSetting;
  readonly #open = new Set<Socket>();
  #proxy: TcpProxy | undefined;

  constructor(listener: Listener, chain: TcpFilterChain, setting: ServeSetting) {
    this.name = listener.name;
    this.#listener = listener;
    this.#chain = chain;
    this.#setting = setting;
  }

  /**
   * Starts the filters, then listens.
   *
   * @throws ProxyWasmError where a filter can't be started
   * @throws CommandError PW_ERR_LISTEN
   */
  async open(): Promise<void> {
    const { plugins, tcpProxy } = this.#chain;
    const { host, clusterOf, drainTimeoutMs } = this.#setting;
    const cluster = clusterOf(tcpProxy.cluster);
    const { name: clusterName, metadata } = tcpProxy.cluster;
    const started = await startPlugins(host, plugins, {
      'xds.cluster_name': clusterName,
      ...(metadata !== undefined && { 'xds.cluster_metadata': metadata }),
    });
    const proxy = createTcpProxy({
      plugins: started,
      host,
      drainTimeoutMs,
      upstream: () => cluster.tcpUpstream(),
    });
    this.#proxy = proxy;
    proxy.server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.once('close', () => this.#open.delete(socket));
    });
    await proxy.ready().catch(() => undefined);
    const { address, port, ipv6Only } = this.#listener;
    const what = [`listener ${this.name}`, this.#listener] as const;
    const bound = await listenOn(proxy.server, what, { host: address, port, ipv6Only });
    this.address = bound.address;
    this.port = bound.port;
  }

  async drain(): Promise<void> {
    await this.#proxy?.close();
  }

  destroy(): void {
    for (const socket of this.#open) socket.destroy();
  }
}
