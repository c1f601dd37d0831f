/** The configuration that `proxy-wasm run main.wasm` stands for. */
import type { PluginOptions } from '@proxy-wasm-node/core';
import type {
  Cluster,
  DirectResponse,
  EnvoyConfiguration,
  ForwardAction,
  WasmPlugin,
} from '@proxy-wasm-node/envoy';

/** Everything is at its beginning: it was not read from a file. */
const at = { path: '', line: 1, column: 1 };
const NO_EDITS = { add: [], remove: [] };

/** Envoy's defaults. */
const ROUTE_TIMEOUT_MS = 15_000;
const STREAM_IDLE_MS = 300_000;
const CONNECTION_IDLE_MS = 3_600_000;
const CONNECT_MS = 5000;

/** Authorities that Node knows. @see UpstreamHost.tls */
const NODES_OWN = new Uint8Array(0);

/** One listener, and what it does with every request that passes the filters. */
export interface OneListener {
  readonly address: string;
  readonly port: number;
  readonly plugins: readonly PluginOptions[];
  /** Where requests go, or what they are answered. */
  readonly target: URL | string;
  readonly adminPort?: number | undefined;
}

export function configurationFor(setting: OneListener): EnvoyConfiguration {
  const { address, port, target, adminPort } = setting;
  const cluster = typeof target === 'string' ? undefined : clusterFor(target);
  const action = cluster === undefined ? respond(target as string) : forwardTo(cluster);
  const match = {
    at,
    kind: 'prefix',
    text: '/',
    caseSensitive: true,
    matches: () => true,
  } as const;
  const edits = { requestHeaders: NO_EDITS, responseHeaders: NO_EDITS };
  const route = { at, name: '', match, action, metadata: undefined, ...edits };
  const virtualHost = { at, name: 'all', domains: ['*'], routes: [route] };
  const connectionManager = {
    at,
    codecType: 'AUTO',
    routes: { at, name: '', virtualHosts: [virtualHost] },
    plugins: setting.plugins.map(toPlugin),
    upgrades: ['websocket'],
    streamIdleTimeoutMs: STREAM_IDLE_MS,
    requestTimeoutMs: 0,
    idleTimeoutMs: CONNECTION_IDLE_MS,
  } as const;
  const filterChain = { at, kind: 'http', connectionManager } as const;
  return {
    at,
    node: undefined,
    listeners: [
      { at, name: 'main', address, port, ipv6Only: false, metadata: undefined, filterChain },
    ],
    clusters: cluster === undefined ? [] : [cluster],
    wasmServices: [],
    admin: adminPort === undefined ? undefined : { at, address, port: adminPort },
    statsTags: [],
    notes: [],
  };
}

function toPlugin(options: PluginOptions): WasmPlugin {
  return { at, name: options.name ?? '', options };
}

function respond(text: string): DirectResponse {
  return { at, kind: 'direct_response', status: 200, body: Buffer.from(text) };
}

function forwardTo(cluster: Cluster): ForwardAction {
  return {
    at,
    kind: 'route',
    cluster,
    timeoutMs: ROUTE_TIMEOUT_MS,
    idleTimeoutMs: undefined,
    prefixRewrite: undefined,
    hostRewriteLiteral: undefined,
    autoHostRewrite: false,
  };
}

const DEFAULT_PORTS: Readonly<Record<string, number>> = { 'http:': 80, 'https:': 443 };

function clusterFor({ protocol, hostname, port }: URL): Cluster {
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  const isTls = protocol === 'https:';
  return {
    at,
    name: 'upstream',
    type: 'STRICT_DNS',
    endpoints: [{ at, host, port: port === '' ? (DEFAULT_PORTS[protocol] ?? 80) : Number(port) }],
    connectTimeoutMs: CONNECT_MS,
    http2: false,
    tls: isTls ? { at, sni: undefined, ca: NODES_OWN, cert: undefined, key: undefined } : undefined,
    dnsFamily: 0,
    metadata: undefined,
  };
}
