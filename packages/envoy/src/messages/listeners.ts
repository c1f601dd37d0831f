import type { PropertyValue } from '@proxy-wasm-node/core';

import type { Listener } from '../model.js';
import { refuseUnsupported } from '../refusals.js';
import {
  label,
  noted,
  optional,
  reader,
  repeated,
  required,
  withDefault,
} from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { always, enumeration, text } from '../schema/scalars.js';
import type { ConfigNode } from '../text/config-node.js';
import { ipAddress } from './address.js';
import { metadata } from './metadata.js';
import { filterChainOf } from './network-filters.js';

/** By the numbers that the property `listener_direction` has. */
const DIRECTIONS = { UNSPECIFIED: 0, INBOUND: 1, OUTBOUND: 2 } as const;

export const listener = message('envoy.config.listener.v3.Listener', {
  fields: {
    name: withDefault(text, '', 'default here: address and port'),
    address: required(ipAddress),
    traffic_direction: optional(
      enumeration<number>(DIRECTIONS),
      'the property `listener_direction`',
    ),
    metadata: optional(metadata, 'the property `listener_metadata`'),
    filter_chains: repeated(filterChainOf, 'one'),
    stat_prefix: label('nothing is counted under it'),
    per_connection_buffer_limit_bytes: noted(
      "a plugin's own limit counts (bufferedBodyBytes, 1 MiB)",
    ),
    enable_reuse_port: noted('one process listens'),
    bind_to_port: withDefault(always(true, 'a listener listens'), true),
    drain_type: noted('a listener drains when it is stopped'),
    access_log: noted('no access log is written'),
  },
  unsupported: [
    ...['additional_addresses', 'filter_chain_matcher', 'use_original_dst', 'default_filter_chain'],
    ...['deprecated_v1', 'listener_filters', 'listener_filters_timeout', 'transparent', 'freebind'],
    ...['continue_on_listener_filters_timeout', 'socket_options', 'tcp_fast_open_queue_length'],
    ...['udp_listener_config', 'api_listener', 'connection_balance_config', 'reuse_port'],
    ...['tcp_backlog_size', 'max_connections_to_accept_per_socket_event', 'enable_mptcp'],
    ...['internal_listener', 'ignore_global_conn_limit', 'bypass_overload_manager', 'fcds_config'],
    'tcp_keepalive',
  ],
});

const listenerParts = mapped(listener, (values): Listener => {
  const { at, address, placeOf } = values;
  const [chain, ...others] = values.filter_chains;
  if (chain === undefined || others.length > 0) {
    const count = values.filter_chains.length;
    const text = `a listener must have one filter chain, but has ${String(count)}`;
    return refuseUnsupported(placeOf('filter_chains'), text);
  }
  const { host, port, ipv4Compat } = address;
  return {
    at,
    name: values.name === '' ? `${host}:${String(port)}` : values.name,
    ...{ address: host, port, metadata: values.metadata },
    ipv6Only: host === '::' && !ipv4Compat,
    filterChain: chain,
  };
});

/** A listener; its plugins have its properties beside those of the node. */
export const listenerOf = reader<Listener>(listener.name, (node, context) => {
  const ofNode = context.properties;
  context.properties = { ...ofNode, ...propertiesOf(node, context) };
  try {
    return listenerParts(node, context);
  } finally {
    context.properties = ofNode;
  }
});

/** Known before the plugins are read. */
function propertiesOf(
  node: ConfigNode,
  context: Parameters<typeof listenerParts>[1],
): Record<string, PropertyValue> {
  const found: Record<string, PropertyValue> = {};
  for (const { key, value } of node.entries()) {
    if (value.isNull) continue;
    if (key === 'metadata') found['listener_metadata'] = metadata(value, context);
    if (key === 'traffic_direction' || key === 'trafficDirection') {
      found['listener_direction'] = listener.fields.traffic_direction.read(value, context) ?? 0;
    }
  }
  return found;
}
