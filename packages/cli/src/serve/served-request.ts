import type { IncomingMessage, ServerResponse } from 'node:http';

import type { PropertyValue } from '@proxy-wasm-node/core';
import type { AddedAttributes } from '@proxy-wasm-node/core/node';
import type { Route } from '@proxy-wasm-node/envoy';

import type { Failure } from './failures.js';
import type { HttpRoutes } from './http-routes.js';
import type { UpstreamHost } from './upstream-host.js';

/** Where a request's {@link ServedRequest} is found again. */
export const SERVED = Symbol('proxy-wasm served request');

/** A request of node:http with what the proxy knows of it. */
export type ProxiedMessage = IncomingMessage & { [SERVED]?: ServedRequest };

/** As filters have them while they run. */
type CurrentHeaders = Parameters<AddedAttributes['attribute']>[1];

const NS_PER_MS = 1e6;

const ROUTE_ATTRIBUTES = new Set([
  ...['route_name', 'route_metadata', 'virtual_host_name', 'cluster_name', 'cluster_metadata'],
]);

/** What the proxy knows of a request, and filters can ask for. */
export class ServedRequest implements AddedAttributes {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  /** undefined: not chosen yet; null: there is none. */
  route: Route | null | undefined;
  host: UpstreamHost | undefined;
  /** Why the answer is what it is, where it is the proxy's own. */
  failure: Failure | undefined;
  isDirect = false;
  /** When the upstream was given the request, and when its answer was complete; 0: not yet. */
  sentMs = 0;
  answeredMs = 0;
  readonly #routes: HttpRoutes;

  constructor(req: IncomingMessage, res: ServerResponse, routes: HttpRoutes) {
    this.req = req;
    this.res = res;
    this.#routes = routes;
  }

  /** Also before the route is chosen: a filter is told of the one that would be now, as in Envoy. */
  attribute(path: readonly string[], headers: CurrentHeaders): PropertyValue | undefined {
    const [top = '', second = '', third] = path;
    if (top === 'upstream') return third === undefined ? this.#ofUpstream(second) : undefined;
    if (top === 'response') return third === undefined ? this.#ofResponse(second) : undefined;
    // Newer Envoys have these under `xds`, older ones at the top.
    const from = top === 'xds' ? 1 : 0;
    const name = path[from] ?? '';
    if (!ROUTE_ATTRIBUTES.has(name)) return undefined;
    const route = this.route === undefined ? this.#routeOf(headers) : this.route;
    return route === null
      ? undefined
      : valueAt(this.#routeAttribute(route, name), path.slice(from + 1));
  }

  #routeOf(headers: CurrentHeaders): Route | null {
    return this.#routes.find(headers.get(':authority') ?? '', headers.get(':path') ?? '/');
  }

  #routeAttribute(route: Route, name: string): PropertyValue | undefined {
    const cluster = route.action.kind === 'route' ? route.action.cluster : undefined;
    switch (name) {
      case 'route_name':
        return route.name;
      case 'route_metadata':
        return route.metadata;
      case 'virtual_host_name':
        return this.#routes.virtualHostOf(route)?.name;
      case 'cluster_name':
        return cluster?.name;
      default:
        return cluster?.metadata;
    }
  }

  #ofUpstream(name: string): PropertyValue | undefined {
    const { host } = this;
    if (host === undefined) return undefined;
    if (name === 'address') return host.address;
    if (name === 'port') return host.port;
    if (name === 'request_attempt_count') return 1;
    return undefined;
  }

  #ofResponse(name: string): PropertyValue | undefined {
    const { failure, sentMs, answeredMs } = this;
    if (name === 'code_details') return this.isDirect ? 'direct_response' : failure?.details;
    if (name === 'flags') return failure?.flag ?? 0;
    if (name !== 'backend_latency' || answeredMs === 0) return undefined;
    return BigInt(Math.round((answeredMs - sentMs) * NS_PER_MS));
  }
}

/** What the rest of a path leads to, inside a value. */
function valueAt(
  value: PropertyValue | undefined,
  path: readonly string[],
): PropertyValue | undefined {
  let found: unknown = value;
  for (const segment of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, segment)) {
      return undefined;
    }
    found = (found as Record<string, unknown>)[segment];
  }
  return found as PropertyValue | undefined;
}
