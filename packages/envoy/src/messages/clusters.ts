import type { Cluster } from '../model.js';
import { refuseInvalid, refuseUnsupported } from '../refusals.js';
import { label, noted, optional, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message, type Values } from '../schema/message.js';
import { always, enumeration, name, positiveDuration } from '../schema/scalars.js';
import { endpointsOf } from './endpoints.js';
import { http2ProtocolOptions } from './http-connection-manager.js';
import { metadata } from './metadata.js';
import { protocolOptions } from './protocol-options.js';
import { transportSocketOf } from './transport-socket.js';

const CONNECT_TIMEOUT_MS = 5000;

/** In the order of their numbers in Envoy's API. */
const TYPES = {
  STATIC: 'STATIC',
  STRICT_DNS: 'STRICT_DNS',
  LOGICAL_DNS: 'LOGICAL_DNS',
  EDS: undefined,
  ORIGINAL_DST: undefined,
} as const;

const POLICIES = {
  ROUND_ROBIN: 'ROUND_ROBIN',
  LEAST_REQUEST: undefined,
  RING_HASH: undefined,
  RANDOM: undefined,
  ORIGINAL_DST_LB: undefined,
  MAGLEV: undefined,
  CLUSTER_PROVIDED: undefined,
  LOAD_BALANCING_POLICY_CONFIG: undefined,
};

/** Node asks for both versions and tries one after the other, which is what ALL and AUTO are for. */
const FAMILIES = { AUTO: 0, V4_ONLY: 4, V6_ONLY: 6, V4_PREFERRED: undefined, ALL: 0 } as const;

export const cluster = message('envoy.config.cluster.v3.Cluster', {
  fields: {
    name: required(name),
    alt_stat_name: label('nothing is counted under it'),
    type: withDefault(enumeration<Cluster['type']>(TYPES), 'STATIC'),
    connect_timeout: withDefault(positiveDuration, CONNECT_TIMEOUT_MS, 'default: 5s'),
    lb_policy: withDefault(enumeration(POLICIES), 'ROUND_ROBIN'),
    load_assignment: required(endpointsOf),
    dns_lookup_family: withDefault(enumeration<Cluster['dnsFamily']>(FAMILIES), 0),
    respect_dns_ttl: withDefault(always(false, 'names are looked up as Node does it'), false),
    http2_protocol_options: optional(http2ProtocolOptions.read, 'older; HTTP/2 with this cluster'),
    typed_extension_protocol_options: optional(protocolOptions),
    transport_socket: optional(transportSocketOf),
    metadata: optional(metadata),
    dns_refresh_rate: noted('names are looked up anew with each connection'),
  },
  unsupported: [
    ...['transport_socket_matches', 'cluster_type', 'eds_cluster_config', 'load_balancing_policy'],
    ...['per_connection_buffer_limit_bytes', 'max_requests_per_connection', 'circuit_breakers'],
    ...['health_checks', 'outlier_detection', 'upstream_http_protocol_options', 'tls_context'],
    ...['common_http_protocol_options', 'http_protocol_options', 'dns_failure_refresh_rate'],
    ...['dns_jitter', 'dns_resolvers', 'use_tcp_for_dns_lookups', 'dns_resolution_config'],
    ...['typed_dns_resolver_config', 'wait_for_warm_on_init', 'cleanup_interval', 'hosts'],
    ...['upstream_bind_config', 'lb_subset_config', 'ring_hash_lb_config', 'maglev_lb_config'],
    ...['original_dst_lb_config', 'least_request_lb_config', 'round_robin_lb_config'],
    ...['common_lb_config', 'protocol_selection', 'upstream_connection_options', 'filters'],
    ...['close_connections_on_host_health_failure', 'ignore_health_on_host_removal'],
    ...['track_timeout_budgets', 'upstream_config', 'track_cluster_stats', 'preconnect_policy'],
    ...['connection_pool_per_downstream_connection', 'lrs_server', 'lrs_report_endpoint_metrics'],
  ],
  atMostOne: [['http2_protocol_options', 'typed_extension_protocol_options']],
});

/** Reads a cluster and makes it known to what is read after it. */
export const clusterOf: Read<Cluster> = mapped(cluster, (values, context) => {
  checkEndpoints(values);
  const read: Cluster = {
    at: values.at,
    name: values.name,
    type: values.type,
    endpoints: values.load_assignment,
    connectTimeoutMs: values.connect_timeout,
    http2: values.has('http2_protocol_options') || values.typed_extension_protocol_options === true,
    tls: values.transport_socket,
    dnsFamily: values.dns_lookup_family,
    metadata: values.metadata,
  };
  if (context.clusters?.has(read.name) === true) {
    refuseInvalid(values.placeOf('name'), `there are two clusters ${JSON.stringify(read.name)}`);
  }
  context.clusters?.set(read.name, read);
  return read;
});

function checkEndpoints({
  type,
  load_assignment: endpoints,
  placeOf,
}: Values<typeof cluster.fields>) {
  const at = placeOf('load_assignment');
  if (endpoints.length === 0) refuseUnsupported(at, 'a cluster without endpoints is not supported');
  if (type === 'LOGICAL_DNS' && endpoints.length > 1) {
    refuseInvalid(at, 'a cluster of type LOGICAL_DNS has one endpoint');
  }
  const named = type === 'STATIC' ? endpoints.find(({ isName }) => isName) : undefined;
  if (named === undefined) return;
  const hint = 'a name needs the type STRICT_DNS or LOGICAL_DNS';
  refuseInvalid(named.at, `${JSON.stringify(named.host)} is no IP address; ${hint}`);
}
