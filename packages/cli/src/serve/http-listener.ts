import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from 'node:http';
import type { Socket } from 'node:net';

import { addRequestHeader, createWasmFilter, type WasmFilter } from '@proxy-wasm-node/core/node';
import type { HttpConnectionManager, Listener } from '@proxy-wasm-node/envoy';
import { configError } from '@proxy-wasm-node/envoy/serving';

import { NO_HEALTHY_UPSTREAM, NO_ROUTE, type Failure } from './failures.js';
import { HttpRoutes } from './http-routes.js';
import { listenOn } from './listen.js';
import { answerDirectly, answerFailure } from './own-answers.js';
import { useRequestTarget } from './request-target.js';
import { SERVED, ServedRequest, type ProxiedMessage } from './served-request.js';
import type { RunningServer, ServeSetting } from './setting.js';
import { startPlugins } from './start-plugins.js';
import type { UpgradeProxy } from './upgrade-proxy.js';
import type { UpstreamExchange as Exchange } from './upstream-exchange.js';

/** A listener with an HTTP connection manager. */
export class HttpListener implements RunningServer {
  readonly kind = 'http';
  readonly name: string;
  address = '';
  port = 0;
  readonly #listener: Listener;
  readonly #manager: HttpConnectionManager;
  readonly #setting: ServeSetting;
  readonly #routes: HttpRoutes;
  readonly #server: Server;
  #filter: WasmFilter | undefined;
  #Exchange: typeof Exchange | undefined;
  #upgrades: UpgradeProxy | undefined;
  /** Connections that speak another protocol now. */
  readonly #tunnels = new Set<Socket>();
  #isDraining = false;

  constructor(listener: Listener, manager: HttpConnectionManager, setting: ServeSetting) {
    this.name = listener.name;
    this.#listener = listener;
    this.#manager = manager;
    this.#setting = setting;
    this.#routes = new HttpRoutes(manager.routes);
    this.#server = createServer(serverOptions(manager), this.#serve);
  }

  /**
   * Starts the filters, then listens.
   *
   * @throws ProxyWasmError where a filter can't be started, PW_ERR_ENVOY_UNSUPPORTED
   * @throws CommandError PW_ERR_LISTEN
   */
  async open(): Promise<void> {
    const { plugins, upgrades, codecType, at } = this.#manager;
    if (codecType === 'HTTP2') {
      const message = 'codec_type: HTTP2 is not supported: listeners speak HTTP/1.1; take AUTO';
      throw configError('PW_ERR_ENVOY_UNSUPPORTED', at, message);
    }
    const { host } = this.#setting;
    if (this.#routes.forwards) {
      this.#Exchange = (await import('./upstream-exchange.js')).UpstreamExchange;
      if (upgrades.includes('websocket')) await this.#allowUpgrades();
    }
    if (plugins.length > 0) {
      const started = await startPlugins(host, plugins);
      this.#filter = createWasmFilter(started, { host }, { begin: this.#begin });
      this.#filter.attach(this.#server);
      // Those that fail open are there, and have said so.
      await this.#filter.ready().catch(() => undefined);
    }
    const { address, port, ipv6Only } = this.#listener;
    const what = [`listener ${this.name}`, this.#listener] as const;
    const bound = await listenOn(this.#server, what, { host: address, port, ipv6Only });
    this.address = bound.address;
    this.port = bound.port;
  }

  async drain(): Promise<void> {
    this.#isDraining = true;
    const server = this.#server;
    if (!server.listening) return;
    // A connection that was busy is idle later, and Node does not look again.
    const idle = setInterval(() => {
      server.closeIdleConnections();
    }, IDLE_CHECK_MS);
    await new Promise<void>((resolve) => {
      server.close(() => {
        resolve();
      });
      server.closeIdleConnections();
    });
    clearInterval(idle);
    await Promise.all([...this.#tunnels].map(whenClosed));
    await this.#filter?.close();
  }

  destroy(): void {
    this.#server.closeAllConnections();
    for (const socket of this.#tunnels) socket.destroy();
  }

  // --- a request --------------------------------------------------------------------------------

  readonly #serve = (req: IncomingMessage, res: ServerResponse): void => {
    if (this.#isDraining) this.#endConnection(res);
    const filter = this.#filter;
    if (filter === undefined) this.#forward(this.#begin(req, res));
    else filter(req, res, () => this.#forwardFiltered(req));
  };

  /** Before any filter. */
  readonly #begin = (request: object, response: object): ServedRequest => {
    const req = request as ProxiedMessage;
    const { headers } = req;
    if (req.url?.startsWith('/') !== true) useRequestTarget(req);
    if (headers['x-request-id'] === undefined) addRequestHeader(req, 'x-request-id', randomUUID());
    if (headers['x-forwarded-proto'] === undefined) {
      addRequestHeader(req, 'x-forwarded-proto', 'http');
    }
    const served = new ServedRequest(req, response as ServerResponse, this.#routes);
    req[SERVED] = served;
    return served;
  };

  #forwardFiltered(req: ProxiedMessage): void {
    const served = req[SERVED];
    if (served !== undefined) this.#forward(served);
  }

  /** Chooses the route by what filters have made of the request. */
  #forward(served: ServedRequest): void {
    const { req, res } = served;
    const route = this.#routes.findFor(req);
    served.route = route;
    if (route === null) {
      fail(served, NO_ROUTE);
      return;
    }
    const { action } = route;
    if (action.kind === 'direct_response') {
      served.isDirect = true;
      answerDirectly(res, action, route.responseHeaders);
      return;
    }
    const host = this.#setting.clusterOf(action.cluster).pick();
    served.host = host;
    if (host === undefined || this.#Exchange === undefined) {
      fail(served, NO_HEALTHY_UPSTREAM);
      return;
    }
    const idleTimeoutMs = action.idleTimeoutMs ?? this.#manager.streamIdleTimeoutMs;
    new this.#Exchange(served, route, action).send(host, idleTimeoutMs);
  }

  // --- upgrades ---------------------------------------------------------------------------------

  async #allowUpgrades(): Promise<void> {
    const { UpgradeProxy } = await import('./upgrade-proxy.js');
    this.#upgrades = new UpgradeProxy(this.#routes, this.#setting);
    this.#server.on('upgrade', (req: ProxiedMessage, socket: Socket, head: Buffer) => {
      this.#tunnels.add(socket);
      socket.once('close', () => this.#tunnels.delete(socket));
      const served = req[SERVED] ?? this.#begin(req, {});
      this.#upgrades?.pass(served, socket, head);
    });
  }

  // --- the end ----------------------------------------------------------------------------------

  /** A client that keeps asking on its connection would keep it from closing. */
  #endConnection(res: ServerResponse): void {
    res.shouldKeepAlive = false;
  }
}

function fail(served: ServedRequest, failure: Failure): void {
  served.failure = failure;
  answerFailure(served.res, failure);
}

function serverOptions(manager: HttpConnectionManager): ServerOptions {
  const { requestTimeoutMs, idleTimeoutMs } = manager;
  return {
    keepAliveTimeout: idleTimeoutMs,
    requestTimeout: requestTimeoutMs,
    headersTimeout: requestTimeoutMs === 0 ? HEAD_MS : Math.min(HEAD_MS, requestTimeoutMs),
  };
}

const IDLE_CHECK_MS = 20;

/** Node's own: a client that sends its head slower than that is ended. */
const HEAD_MS = 60_000;

function whenClosed(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    if (socket.closed) resolve();
    else
      socket.once('close', () => {
        resolve();
      });
  });
}
