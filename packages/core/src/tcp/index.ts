/** Filters for TCP connections: `@proxy-wasm-node/core/tcp`. */
export { connectionState, tcpFilter, type TcpFilter, type TcpFilterOptions } from './tcp-filter.js';
export type { FilterPlugins, PluginChain, PluginInput } from '../node/plugin-chain.js';
export { createTcpProxy, type TcpProxy, type TcpProxyOptions } from './tcp-proxy.js';
export type { TcpUpstream, TcpUpstreamOptions } from './tcp-upstream.js';
