/**
 * A configuration of Envoy as the rest takes it: checked, complete (defaults are filled in), in
 * milliseconds, with clusters known to exist where they are named. Names are Envoy's.
 */
import type { PluginOptions, PropertyValue, ServiceOptions } from '@proxy-wasm-node/core';

import type { ConfigNote, Positioned } from './position.js';

/** Envoy's `Bootstrap`. */
export interface EnvoyConfiguration extends Positioned {
  readonly node: EnvoyNode | undefined;
  readonly admin: Admin | undefined;
  /** `stats_config.stats_tags`: labels that are part of metrics' names. */
  readonly statsTags: readonly StatsTag[];
  readonly listeners: readonly Listener[];
  readonly clusters: readonly Cluster[];
  /** `bootstrap_extensions` with a `WasmService`. */
  readonly wasmServices: readonly WasmService[];
  readonly notes: readonly ConfigNote[];
}

/** Envoy's `Node`. Plugins have it as the properties `node.id`, `xds.node.id` and so on. */
export interface EnvoyNode extends Positioned {
  readonly id: string;
  readonly cluster: string;
  /** As property: with `id`, `cluster`, `metadata`, `locality`, where given. */
  readonly property: Readonly<Record<string, PropertyValue>>;
}

/** Where Envoy would serve its admin interface. */
export interface Admin extends Positioned {
  readonly address: string;
  readonly port: number;
}

/** For `metrics.tags` of `createHost`. */
export interface StatsTag extends Positioned {
  readonly name: string;
  readonly pattern: RegExp;
}

/** Envoy's `Metadata`, as a property: `{ filter_metadata: { namespace: { key: value } } }`. */
export type Metadata = Readonly<Record<string, PropertyValue>>;

export interface Listener extends Positioned {
  /** Its `name`; where there is none: address and port. */
  readonly name: string;
  /** An IP address: `0.0.0.0` is all of IPv4, `::` all of both where `ipv4_compat` is set. */
  readonly address: string;
  /** 0: any that is free. */
  readonly port: number;
  /** Only for `::`: whether IPv6 alone is served. */
  readonly ipv6Only: boolean;
  /** Plugins have it as the property `listener_metadata`. */
  readonly metadata: Metadata | undefined;
  readonly filterChain: FilterChain;
}

/** A listener's one chain of network filters: HTTP, or TCP. */
export type FilterChain = HttpFilterChain | TcpFilterChain;

export interface HttpFilterChain extends Positioned {
  readonly kind: 'http';
  readonly connectionManager: HttpConnectionManager;
}

export interface TcpFilterChain extends Positioned {
  readonly kind: 'tcp';
  /** In order. */
  readonly plugins: readonly WasmPlugin[];
  readonly tcpProxy: TcpProxyConfig;
}

export interface TcpProxyConfig extends Positioned {
  readonly cluster: Cluster;
}

export interface HttpConnectionManager extends Positioned {
  readonly codecType: 'AUTO' | 'HTTP1' | 'HTTP2';
  readonly routes: RouteConfiguration;
  /** The wasm filters, in order; the router comes after them. */
  readonly plugins: readonly WasmPlugin[];
  /** Without anything on a stream, milliseconds; default 300 000; 0: no limit. */
  readonly streamIdleTimeoutMs: number;
  /** Until the whole request is there, milliseconds; default 0: no limit. */
  readonly requestTimeoutMs: number;
  /** Of a connection without streams, milliseconds; default 3 600 000; 0: no limit. */
  readonly idleTimeoutMs: number;
  /** Protocols that `upgrade_configs` lets through, in lower case: `websocket`, or none. */
  readonly upgrades: readonly string[];
}

/** Envoy's `RouteConfiguration`. Use `findRoute` to look a request up. */
export interface RouteConfiguration extends Positioned {
  readonly name: string;
  readonly virtualHosts: readonly VirtualHost[];
}

export interface VirtualHost extends Positioned {
  readonly name: string;
  /** `*`, exact, `*.suffix` or `prefix.*`; lower case. */
  readonly domains: readonly string[];
  readonly routes: readonly Route[];
}

export interface Route extends Positioned {
  /** '' where it has none. */
  readonly name: string;
  readonly match: RouteMatch;
  readonly action: DirectResponse | ForwardAction;
  /** In Envoy the property `xds.route_metadata`. */
  readonly metadata: Metadata | undefined;
  /** Of the route, its virtual host and the whole table, as one. */
  readonly requestHeaders: HeaderEdits;
  readonly responseHeaders: HeaderEdits;
}

export interface RouteMatch extends Positioned {
  readonly kind: 'prefix' | 'path' | 'safe_regex';
  /** As written. */
  readonly text: string;
  readonly caseSensitive: boolean;
  /**
   * Whether a request's `:path` matches, of which only what is in front of `?` and `#` counts. A
   * regular expression (RE2, in linear time) must match all of that.
   */
  matches(path: string): boolean;
}

export interface DirectResponse extends Positioned {
  readonly kind: 'direct_response';
  readonly status: number;
  /** Empty where none was given. */
  readonly body: Uint8Array;
}

/** Envoy's `RouteAction`. */
export interface ForwardAction extends Positioned {
  readonly kind: 'route';
  readonly cluster: Cluster;
  /** Until the whole response is there, milliseconds; default 15 000; 0: no limit. */
  readonly timeoutMs: number;
  /** Without anything on the stream, milliseconds; undefined: the connection manager's; 0: no limit. */
  readonly idleTimeoutMs: number | undefined;
  /** Takes the place of what `prefix` or `path` matched. */
  readonly prefixRewrite: string | undefined;
  /** `:authority` for the upstream. */
  readonly hostRewriteLiteral: string | undefined;
  /** `:authority` for the upstream is its endpoint's name; for clusters by DNS. */
  readonly autoHostRewrite: boolean;
}

/** `*_headers_to_add` and `*_headers_to_remove`. Removals come first. */
export interface HeaderEdits {
  readonly add: readonly HeaderAddition[];
  /** Lower case. */
  readonly remove: readonly string[];
}

export interface HeaderAddition extends Positioned {
  /** Lower case. */
  readonly name: string;
  readonly value: string;
  readonly append:
    | 'APPEND_IF_EXISTS_OR_ADD'
    | 'ADD_IF_ABSENT'
    | 'OVERWRITE_IF_EXISTS_OR_ADD'
    | 'OVERWRITE_IF_EXISTS';
}

export interface Cluster extends Positioned {
  readonly name: string;
  readonly type: 'STATIC' | 'STRICT_DNS' | 'LOGICAL_DNS';
  /** At least one; with LOGICAL_DNS exactly one. Round robin. */
  readonly endpoints: readonly Endpoint[];
  /** Milliseconds; default 5000. */
  readonly connectTimeoutMs: number;
  /** HTTP/2 without being asked (h2c, or by ALPN). */
  readonly http2: boolean;
  /** undefined: plain text. */
  readonly tls: ClusterTls | undefined;
  /** IP version of addresses by DNS; 0: any. */
  readonly dnsFamily: 0 | 4 | 6;
  /** In Envoy the property `xds.cluster_metadata`. */
  readonly metadata: Metadata | undefined;
}

export interface Endpoint extends Positioned {
  /** With STATIC an IP address, else a name or an address. */
  readonly host: string;
  readonly port: number;
}

/** Envoy's `UpstreamTlsContext`. As in Envoy, without `ca` nobody's certificate is checked. */
export interface ClusterTls extends Positioned {
  /** For SNI. */
  readonly sni: string | undefined;
  /** PEM. */
  readonly ca: Uint8Array | undefined;
  /** PEM. */
  readonly cert: Uint8Array | undefined;
  /** PEM. */
  readonly key: Uint8Array | undefined;
}

/** A wasm filter, HTTP or network. */
export interface WasmPlugin extends Positioned {
  readonly name: string;
  readonly options: PluginOptions;
}

/** Envoy's `WasmService`. */
export interface WasmService extends Positioned {
  readonly name: string;
  readonly singleton: boolean;
  readonly options: ServiceOptions;
}
