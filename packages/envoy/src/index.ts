/** Envoy's configuration: as plugin options for the adapters, and as a typed model with positions. */
export { findRoute } from './find-route.js';
export { fromEnvoyConfig, type EnvoyPlugins, type FromEnvoyConfigOptions } from './from-config.js';
export type {
  Admin,
  Cluster,
  ClusterTls,
  DirectResponse,
  Endpoint,
  EnvoyConfiguration,
  EnvoyNode,
  FilterChain,
  ForwardAction,
  HeaderAddition,
  HeaderEdits,
  HttpConnectionManager,
  HttpFilterChain,
  Listener,
  Metadata,
  Route,
  RouteConfiguration,
  RouteMatch,
  StatsTag,
  TcpFilterChain,
  TcpProxyConfig,
  VirtualHost,
  WasmPlugin,
  WasmService,
} from './model.js';
export type { ConfigNote, ConfigPosition, Positioned } from './position.js';
export { readEnvoyConfig, type EnvoyConfigOptions } from './read-config.js';
export { configError, describePosition } from './refusals.js';
export { tlsOf, upstreamOf } from './upstreams.js';
