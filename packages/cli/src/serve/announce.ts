/** What a command that serves tells its user once everything runs. */
import { basename } from 'node:path';

import type { EnvoyConfiguration, Listener, Route, VirtualHost } from '@proxy-wasm-node/envoy';

import type { RunningServer } from './setting.js';
import type { RunningProxy } from './start-proxy.js';

export interface AnnounceOptions {
  readonly json: boolean;
  readonly output: NodeJS.WritableStream;
}

export function announce(
  { servers }: RunningProxy,
  { listeners }: EnvoyConfiguration,
  { json, output }: AnnounceOptions,
): void {
  if (json) {
    for (const { name, kind, address, port } of servers) {
      output.write(`${JSON.stringify({ listener: name, kind, address, port })}\n`);
    }
    return;
  }
  for (const [index, server] of servers.entries()) output.write(line(server, listeners[index]));
  const first = servers[0];
  const example = first === undefined ? undefined : tryLine(first, listeners[0]);
  if (example !== undefined) output.write(`Try: ${example}\n`);
  output.write('Ctrl-C ends it.\n');
}

function line(server: RunningServer, listener: Listener | undefined): string {
  const url = urlOf(server);
  if (server.kind === 'admin') return `admin: ${url}/stats/prometheus and ${url}/ready\n`;
  const names = listener === undefined ? [] : pluginNames(listener);
  const filters = names.length === 0 ? 'no filters' : `filters: ${names.join(', ')}`;
  return `${server.name}: ${url} (${filters})\n`;
}

function pluginNames({ filterChain }: Listener): string[] {
  const { plugins } = filterChain.kind === 'tcp' ? filterChain : filterChain.connectionManager;
  return plugins.map(({ name, options: { code } }) => {
    if (name !== '') return name;
    return typeof code === 'string' ? basename(code, '.wasm') : 'wasm';
  });
}

/** An address that a client can use: 0.0.0.0 and :: are none. */
function placeOf({ address, port }: RunningServer): string {
  const host = address === '0.0.0.0' ? '127.0.0.1' : address === '::' ? '::1' : address;
  return `${host.includes(':') ? `[${host}]` : host}:${String(port)}`;
}

function urlOf(server: RunningServer): string {
  return `${server.kind === 'tcp' ? 'tcp' : 'http'}://${placeOf(server)}`;
}

function tryLine(server: RunningServer, listener: Listener | undefined): string | undefined {
  if (listener === undefined || server.kind === 'admin') return undefined;
  if (listener.filterChain.kind === 'tcp') {
    return `nc ${placeOf(server)
      .replace(/:(?=\d+$)/, ' ')
      .replace(/[[\]]/g, '')}`;
  }
  const [virtualHost] = listener.filterChain.connectionManager.routes.virtualHosts;
  const path = virtualHost === undefined ? '/' : pathOf(virtualHost.routes);
  return `curl -i${hostHeader(virtualHost)} ${urlOf(server)}${path}`;
}

/** Where no domain of the first virtual host is what curl would ask for by itself. */
function hostHeader(virtualHost: VirtualHost | undefined): string {
  const domains = virtualHost?.domains ?? ['*'];
  if (domains.includes('*')) return '';
  return ` -H 'host: ${(domains[0] ?? '').replaceAll('*', 'x')}'`;
}

function pathOf(routes: readonly Route[]): string {
  const match = routes.find((route) => route.match.kind !== 'safe_regex')?.match;
  return match === undefined ? '/' : match.text;
}
