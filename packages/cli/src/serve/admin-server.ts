import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';

import type { Host, MetricSample } from '@proxy-wasm-node/core';
import type { Admin } from '@proxy-wasm-node/envoy';

import { listenOn } from './listen.js';
import type { RunningServer } from './setting.js';

interface Page {
  readonly status?: number;
  readonly type?: string;
  readonly body: string;
}

const PATHS = ['/ready', '/stats', '/stats/prometheus'] as const;

/** What of Envoy's admin interface is needed to see metrics and readiness. */
export class AdminServer implements RunningServer {
  readonly kind = 'admin';
  readonly name = 'admin';
  address = '';
  port = 0;
  readonly #host: Host;
  readonly #server: Server;
  #isDraining = false;

  constructor(host: Host) {
    this.#host = host;
    this.#server = createServer((req, res) => {
      void this.#serve(req, res);
    });
  }

  /** @throws CommandError PW_ERR_LISTEN */
  async open(admin: Admin): Promise<void> {
    const { address: host, port } = admin;
    const place = { host, port, ipv6Only: false };
    const bound = await listenOn(this.#server, ['admin', admin], place);
    this.address = bound.address;
    this.port = bound.port;
  }

  /** From now on it says so to those who ask whether it is ready; {@link close} ends it. */
  drain(): Promise<void> {
    this.#isDraining = true;
    return Promise.resolve();
  }

  destroy(): void {
    this.#server.close();
    this.#server.closeAllConnections();
  }

  async #serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { pathname, searchParams } = new URL(req.url ?? '/', 'http://admin');
    const isPrometheus = searchParams.get('format') === 'prometheus';
    const page = await this.#page(
      pathname === '/stats' && isPrometheus ? '/stats/prometheus' : pathname,
    );
    const { status = 200, type = 'text/plain; charset=UTF-8', body } = page;
    res.writeHead(status, { 'content-type': type, 'content-length': Buffer.byteLength(body) });
    res.end(body);
  }

  async #page(path: string): Promise<Page> {
    switch (path) {
      case '/ready':
        return this.#ready();
      case '/stats':
        return { body: this.#host.metrics.read().map(lineOf).sort().join('') };
      case '/stats/prometheus':
        return {
          type: 'text/plain; version=0.0.4; charset=utf-8',
          body: await this.#host.metrics.toPrometheus(),
        };
      default:
        return { status: 404, body: `no such path; there is: ${PATHS.join(', ')}\n` };
    }
  }

  #ready(): Page {
    if (this.#isDraining) return { status: 503, body: 'DRAINING\n' };
    const { plugins, ready } = this.#host.health();
    if (ready) return { body: 'LIVE\n' };
    const failed = plugins.filter(({ state }) => state === 'failed').map(({ name }) => name);
    return { status: 503, body: `FAILED: ${failed.join(', ')}\n` };
  }
}

function lineOf({ name, labels, type, value, sum = 0 }: MetricSample): string {
  const pairs = Object.entries(labels).map(([label, text]) => `${label}="${text}"`);
  const full = pairs.length === 0 ? name : `${name}{${pairs.join(',')}}`;
  const shown = type === 'histogram' ? `count ${String(value)}, sum ${String(sum)}` : String(value);
  return `${full}: ${shown}\n`;
}
