import type { DirectResponse, ForwardAction } from '../model.js';
import { refuseInvalid } from '../refusals.js';
import { optional, required, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { always, duration, flag, name, text, whole } from '../schema/scalars.js';
import { sourceBytes } from './data-source.js';

const NOTHING = new Uint8Array(0);
const DEFAULT_TIMEOUT_MS = 15_000;

export const directResponse = message('envoy.config.route.v3.DirectResponseAction', {
  fields: { status: required(whole(200, 599)), body: optional(sourceBytes) },
  unsupported: ['body_format'],
});

export const directResponseOf: Read<DirectResponse> = mapped(directResponse, (values) => {
  const { at, status, body = NOTHING } = values;
  return { at, kind: 'direct_response', status, body };
});

export const routeAction = message('envoy.config.route.v3.RouteAction', {
  fields: {
    cluster: required(name),
    timeout: withDefault(duration, DEFAULT_TIMEOUT_MS, 'default: 15s; 0s: none'),
    idle_timeout: optional(duration),
    prefix_rewrite: optional(text, 'with prefix and path matches'),
    host_rewrite_literal: optional(name),
    auto_host_rewrite: withDefault(flag, false),
    append_x_forwarded_host: withDefault(always(false, 'x-forwarded-host is not made'), false),
  },
  unsupported: [
    ...[
      'cluster_header',
      'weighted_clusters',
      'cluster_specifier_plugin',
      'inline_cluster_specifier_plugin',
    ],
    ...[
      'cluster_not_found_response_code',
      'metadata_match',
      'regex_rewrite',
      'path_rewrite_policy',
    ],
    ...[
      'path_rewrite',
      'host_rewrite_header',
      'host_rewrite_path_regex',
      'host_rewrite',
      'retry_policy',
    ],
    ...['retry_policy_typed_config', 'request_mirror_policies', 'priority', 'rate_limits', 'cors'],
    ...['include_vh_rate_limits', 'hash_policy', 'max_grpc_timeout', 'grpc_timeout_offset'],
    ...['upgrade_configs', 'internal_redirect_policy', 'internal_redirect_action', 'hedge_policy'],
    ...['max_internal_redirects', 'max_stream_duration', 'early_data_policy', 'flush_timeout'],
  ],
  atMostOne: [['host_rewrite_literal', 'auto_host_rewrite']],
});

export const forwardActionOf: Read<ForwardAction> = mapped(routeAction, (values, context) => {
  const { at, placeOf } = values;
  const prefixRewrite = values.prefix_rewrite === '' ? undefined : values.prefix_rewrite;
  if (prefixRewrite !== undefined && !prefixRewrite.startsWith('/')) {
    refuseInvalid(placeOf('prefix_rewrite'), 'must begin with /');
  }
  return {
    at,
    kind: 'route',
    cluster: context.findCluster(values.cluster, placeOf('cluster')),
    timeoutMs: values.timeout,
    idleTimeoutMs: values.idle_timeout,
    prefixRewrite,
    hostRewriteLiteral: values.host_rewrite_literal,
    autoHostRewrite: values.auto_host_rewrite,
  };
});
