import type { Admin, EnvoyConfiguration } from '../model.js';
import { refuseInvalid } from '../refusals.js';
import { noted, optional, repeated, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import type { ConfigNode } from '../text/config-node.js';
import { ipAddress } from './address.js';
import { clusterOf } from './clusters.js';
import { listenerOf } from './listeners.js';
import { nodeOf } from './node.js';
import { statsTagsOf } from './stats.js';
import { bootstrapExtensions } from './wasm-service.js';

const NO_ADMIN_LOG = 'no access log of the admin interface is written';

export const admin = message('envoy.config.bootstrap.v3.Admin', {
  fields: {
    address: optional(ipAddress),
    access_log_path: noted(NO_ADMIN_LOG),
    access_log: noted(NO_ADMIN_LOG),
    profile_path: noted('no profile is written'),
  },
  unsupported: ['socket_options', 'ignore_global_conn_limit', 'allow_paths'],
});

/** Without an address Envoy has no admin interface either. */
const adminOf: Read<Admin | undefined> = mapped(admin, ({ at, address }) => {
  return address === undefined ? undefined : { at, address: address.host, port: address.port };
});

/** Clusters first: listeners name them. */
export const staticResources = message('envoy.config.bootstrap.v3.Bootstrap.StaticResources', {
  fields: { clusters: repeated(clusterOf), listeners: repeated(listenerOf) },
  unsupported: ['secrets'],
});

/** The node first: plugins have it as a property. */
export const bootstrap = message('envoy.config.bootstrap.v3.Bootstrap', {
  fields: {
    node: optional(nodeOf),
    admin: optional(adminOf),
    stats_config: withDefault(statsTagsOf, []),
    static_resources: optional(staticResources.read),
    bootstrap_extensions: bootstrapExtensions,
    layered_runtime: noted('there are no runtime flags'),
    flags_path: noted('there is no flags directory'),
    stats_flush_interval: noted('metrics are read when they are asked for'),
  },
  unsupported: [
    ...[
      'dynamic_resources',
      'cluster_manager',
      'hds_config',
      'stats_sinks',
      'deferred_stat_options',
    ],
    ...['stats_flush_on_admin', 'watchdog', 'watchdogs', 'tracing'],
    ...['overload_manager', 'enable_dispatcher_stats', 'header_prefix', 'dns_resolution_config'],
    ...['stats_server_version_override', 'use_tcp_for_dns_lookups', 'typed_dns_resolver_config'],
    ...['fatal_actions', 'config_sources', 'default_config_source', 'default_socket_interface'],
    ...['certificate_provider_instances', 'inline_headers', 'perf_tracing_file_path', 'runtime'],
    ...['default_regex_engine', 'xds_delegate_extension', 'xds_config_tracker_extension'],
    ...['listener_manager', 'application_log_config', 'grpc_async_client_manager_config'],
    ...['memory_allocator_manager', 'node_context_params'],
  ],
});

/** What Istio's `EnvoyFilter` patches in can be read; the manifest around it is for Kubernetes. */
function refuseManifest(node: ConfigNode): void {
  const keys = node.entries().map(({ key }) => key);
  if (!keys.includes('apiVersion') || !keys.includes('kind')) return;
  const hint = 'fromEnvoyConfig takes what is below `patch: value:` of its configPatches';
  refuseInvalid(node.at, `is a manifest for Kubernetes, not a configuration of Envoy's; ${hint}`);
}

export const configurationOf: Read<EnvoyConfiguration> = (node, context) => {
  refuseManifest(node);
  context.clusters = new Map();
  const values = bootstrap.read(node, context);
  const { clusters = [], listeners = [] } = values.static_resources ?? {};
  refuseSamePlace(listeners);
  return {
    ...{ at: values.at, node: values.node, admin: values.admin, statsTags: values.stats_config },
    ...{ clusters, listeners, wasmServices: values.bootstrap_extensions, notes: context.notes },
  };
};

function refuseSamePlace(listeners: EnvoyConfiguration['listeners']): void {
  const seen = new Set<string>();
  for (const { at, name } of listeners) {
    if (seen.has(name)) refuseInvalid(at, `there are two listeners ${JSON.stringify(name)}`);
    seen.add(name);
  }
}
