import type { IncomingMessage } from 'node:http';

import type { Route, RouteConfiguration, VirtualHost } from '@proxy-wasm-node/envoy';
import { findRoute } from '@proxy-wasm-node/envoy/serving';

import { findName } from './message-headers.js';

/** The routes of one listener. */
export class HttpRoutes {
  readonly #config: RouteConfiguration;
  readonly #hosts = new Map<Route, VirtualHost>();

  constructor(config: RouteConfiguration) {
    this.#config = config;
    for (const host of config.virtualHosts) {
      for (const route of host.routes) this.#hosts.set(route, host);
    }
  }

  /** Null: there is none. */
  find(authority: string, path: string): Route | null {
    return findRoute(this.#config, authority, path) ?? null;
  }

  /** Of a request that has passed the filters. */
  findFor({ rawHeaders, url = '/' }: IncomingMessage): Route | null {
    const at = findName(rawHeaders, 'host');
    return this.find(at < 0 ? '' : (rawHeaders[at + 1] as string), url);
  }

  /** Whether any of them leads to a cluster. */
  get forwards(): boolean {
    return [...this.#hosts.keys()].some(({ action }) => action.kind === 'route');
  }

  virtualHostOf(route: Route): VirtualHost | undefined {
    return this.#hosts.get(route);
  }
}
