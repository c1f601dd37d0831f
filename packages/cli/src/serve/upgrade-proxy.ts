import type { OutgoingHttpHeaders } from 'node:http';
import type { Socket } from 'node:net';

import { createProxyServer } from 'httpxy';
import type { ForwardAction, Route } from '@proxy-wasm-node/envoy';

import { failureOf, NO_HEALTHY_UPSTREAM, NO_ROUTE, type Failure } from './failures.js';
import type { HttpRoutes } from './http-routes.js';
import { editHeaders } from './message-headers.js';
import type { ServedRequest } from './served-request.js';
import type { ServeSetting } from './setting.js';
import type { UpstreamHost } from './upstream-host.js';

/** Passes WebSockets on. Their routes' timeouts do not count, as in Envoy. */
export class UpgradeProxy {
  readonly #routes: HttpRoutes;
  readonly #setting: ServeSetting;
  readonly #proxy = createProxyServer({});

  constructor(routes: HttpRoutes, setting: ServeSetting) {
    this.#routes = routes;
    this.#setting = setting;
  }

  /** @param socket the client's, which is the proxy's from now on */
  pass(served: ServedRequest, socket: Socket, head: Buffer): void {
    const { req } = served;
    socket.on('error', () => socket.destroy());
    const route = this.#routes.findFor(req);
    served.route = route;
    if (route === null) {
      refuse(served, socket, NO_ROUTE);
    } else if (route.action.kind === 'direct_response') {
      const { status, body } = route.action;
      answer(socket, status, body);
    } else {
      this.#pass(served, { socket, head, route, action: route.action });
    }
  }

  #pass(
    served: ServedRequest,
    { socket, head, route, action }: UpgradeRoute & { socket: Socket; head: Buffer },
  ): void {
    const host = this.#setting.clusterOf(action.cluster).pick();
    served.host = host;
    if (host === undefined) {
      refuse(served, socket, NO_HEALTHY_UPSTREAM);
      return;
    }
    const { req } = served;
    if (action.prefixRewrite !== undefined) {
      req.url = action.prefixRewrite + (req.url ?? '').slice(route.match.text.length);
    }
    const { connectTimeoutMs } = action.cluster;
    const target = { ...host.tls, protocol: schemeOf(action), host: host.host, port: host.port };
    const options = {
      target,
      headers: headersFor(host, { route, action }) as Record<string, string>,
      secure: action.cluster.tls?.ca !== undefined,
      upgradeTimeout: connectTimeoutMs,
    };
    this.#proxy.ws(req, socket, options, head).catch((error: unknown) => {
      if (socket.destroyed || socket.bytesWritten > 0) socket.destroy();
      else refuse(served, socket, failureOf(error as Error));
    });
  }
}

interface UpgradeRoute {
  readonly route: Route;
  readonly action: ForwardAction;
}

function schemeOf({ cluster }: ForwardAction): string {
  return cluster.tls === undefined ? 'http:' : 'https:';
}

/** What the route changes of the request's headers. */
function headersFor(host: UpstreamHost, { route, action }: UpgradeRoute): OutgoingHttpHeaders {
  const { hostRewriteLiteral, autoHostRewrite } = action;
  const authority = hostRewriteLiteral ?? (autoHostRewrite ? host.hostname : undefined);
  const added: string[] = [];
  editHeaders(added, route.requestHeaders);
  const headers: OutgoingHttpHeaders = {};
  for (let index = 0; index < added.length; index += 2) {
    headers[added[index] as string] = added[index + 1];
  }
  return authority === undefined ? headers : { ...headers, host: authority };
}

function refuse(served: ServedRequest, socket: Socket, failure: Failure): void {
  served.failure = failure;
  answer(socket, failure.status, Buffer.from(failure.body));
}

/** An answer on a bare socket, which is then at its end. */
function answer(socket: Socket, status: number, body: Uint8Array): void {
  const { length } = body;
  const head = `HTTP/1.1 ${String(status)} \r\nconnection: close\r\ncontent-length: ${String(length)}\r\n`;
  socket.write(`${head}${length > 0 ? 'content-type: text/plain\r\n' : ''}\r\n`);
  socket.end(body);
}
