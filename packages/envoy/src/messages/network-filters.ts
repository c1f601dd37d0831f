/** The network filters of a listener: an HTTP connection manager, or wasm filters and a TCP proxy. */
import type { FilterChain, HttpConnectionManager, TcpProxyConfig, WasmPlugin } from '../model.js';
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import { label, noted, repeated, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { name, text } from '../schema/scalars.js';
import { oneOfTypes } from '../schema/typed-config.js';
import { connectionManagerOf, httpConnectionManager } from './http-connection-manager.js';
import { networkWasmReaders } from './wasm-plugin.js';

export const tcpProxy = message('envoy.extensions.filters.network.tcp_proxy.v3.TcpProxy', {
  fields: {
    stat_prefix: label('nothing is counted under it'),
    cluster: required(name),
    access_log: noted('no access log is written'),
  },
  unsupported: [
    ...['weighted_clusters', 'metadata_match', 'idle_timeout', 'downstream_idle_timeout'],
    ...['upstream_idle_timeout', 'on_demand', 'max_connect_attempts', 'backoff_options'],
    ...[
      'hash_policy',
      'tunneling_config',
      'max_downstream_connection_duration',
      'access_log_options',
    ],
    ...['access_log_flush_interval', 'flush_access_log_on_connected', 'proxy_protocol_tlvs'],
    ...['max_downstream_connection_duration_jitter_percentage', 'check_drain_close'],
  ],
});

type NetworkFilter =
  | { readonly kind: 'wasm'; readonly plugin: WasmPlugin }
  | { readonly kind: 'tcp'; readonly tcpProxy: TcpProxyConfig }
  | { readonly kind: 'http'; readonly connectionManager: HttpConnectionManager };

const readTcpProxy: Read<NetworkFilter> = mapped(tcpProxy, (values, context) => ({
  kind: 'tcp',
  tcpProxy: {
    at: values.at,
    cluster: context.findCluster(values.cluster, values.placeOf('cluster')),
  },
}));

const readConnectionManager: Read<NetworkFilter> = (node, context) => ({
  kind: 'http',
  connectionManager: connectionManagerOf(node, context),
});

function wasmReaders(): Record<string, Read<NetworkFilter>> {
  const entries = Object.entries(networkWasmReaders).map(
    ([type, read]): [string, Read<NetworkFilter>] => [
      type,
      (node, context) => ({ kind: 'wasm', plugin: read(node, context) }),
    ],
  );
  return Object.fromEntries(entries);
}

export const networkFilter = message('envoy.config.listener.v3.Filter', {
  fields: {
    name: withDefault(text, '', 'says nothing: `@type` does'),
    typed_config: required(
      oneOfTypes<NetworkFilter>({
        [httpConnectionManager.name]: readConnectionManager,
        ...wasmReaders(),
        [tcpProxy.name]: readTcpProxy,
      }),
    ),
  },
  unsupported: ['config_discovery', 'config'],
});

export const networkFilterOf: Read<NetworkFilter> = mapped(
  networkFilter,
  ({ typed_config: filter }) => filter,
);

export const filterChain = message('envoy.config.listener.v3.FilterChain', {
  fields: {
    name: label('a listener has one chain'),
    filters: repeated(networkFilter.read),
  },
  unsupported: [
    ...['filter_chain_match', 'use_proxy_proto', 'metadata', 'transport_socket', 'tls_context'],
    ...['on_demand_configuration', 'transport_socket_connect_timeout'],
  ],
});

export const filterChainOf: Read<FilterChain> = mapped(filterChain, ({ at, filters }) => {
  const plugins: WasmPlugin[] = [];
  for (const [index, { at: filterAt, typed_config: filter }] of filters.entries()) {
    if (filter.kind === 'wasm') {
      plugins.push(filter.plugin);
      continue;
    }
    if (index < filters.length - 1) {
      refuseInvalid(filterAt, 'this filter ends the chain, so it must be the last');
    }
    if (filter.kind === 'tcp') return { ...filter, at, plugins };
    if (plugins.length > 0) {
      const where = filters[0]?.at ?? at;
      refuseUnsupported(where, 'wasm network filters in front of HTTP are not supported');
    }
    return { ...filter, at };
  }
  const ends = 'an HTTP connection manager or a TCP proxy';
  return refuseInvalid(at, `the last of the filters must be ${ends}`);
});
