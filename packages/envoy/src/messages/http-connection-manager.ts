import type { HttpConnectionManager } from '../model.js';
import { refuseUnsupported } from '../refusals.js';
import {
  label,
  noted,
  optional,
  repeated,
  required,
  withDefault,
  type Read,
} from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { always, duration, enumeration, flag, name } from '../schema/scalars.js';
import { chainOf } from './http-filters.js';
import { routesOf } from './routes.js';

const STREAM_IDLE_TIMEOUT_MS = 300_000;
const IDLE_TIMEOUT_MS = 3_600_000;

export const upgradeConfig = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager.UpgradeConfig',
  {
    fields: { upgrade_type: required(name, 'websocket'), enabled: withDefault(flag, true) },
    unsupported: ['filters'],
  },
);

const upgradeOf: Read<string | undefined> = mapped(upgradeConfig, (values) => {
  const type = values.upgrade_type.toLowerCase();
  if (!values.enabled || type === 'websocket') return values.enabled ? type : undefined;
  const text = `${values.upgrade_type} is not supported; websocket is`;
  return refuseUnsupported(values.placeOf('upgrade_type'), text);
});

export const httpProtocolOptions = message('envoy.config.core.v3.HttpProtocolOptions', {
  fields: { idle_timeout: optional(duration) },
  unsupported: [
    ...['max_connection_duration', 'max_headers_count', 'max_stream_duration'],
    ...['headers_with_underscores_action', 'max_requests_per_connection'],
    ...['max_response_headers_kb'],
  ],
});

/** HTTP/2 is served by what Node does. */
export const http2ProtocolOptions = message('envoy.config.core.v3.Http2ProtocolOptions', {
  fields: {},
  unsupported: [
    ...['hpack_table_size', 'max_concurrent_streams', 'initial_stream_window_size'],
    ...[
      'initial_connection_window_size',
      'allow_connect',
      'allow_metadata',
      'connection_keepalive',
    ],
    ...['max_outbound_frames', 'max_outbound_control_frames', 'max_metadata_size'],
    ...['max_consecutive_inbound_frames_with_empty_payload', 'use_oghttp2_codec'],
    ...['max_inbound_priority_frames_per_stream', 'stream_error_on_invalid_http_messaging'],
    ...['max_inbound_window_update_frames_per_data_frame_sent', 'custom_settings_parameters'],
    ...['override_stream_error_on_invalid_http_message', 'enable_huffman_encoding'],
  ],
});

export const http1ProtocolOptions = message('envoy.config.core.v3.Http1ProtocolOptions', {
  fields: {},
  unsupported: [
    ...['allow_absolute_url', 'accept_http_10', 'default_host_for_http_10', 'header_key_format'],
    ...['enable_trailers', 'allow_chunked_length', 'send_fully_qualified_url'],
    ...[
      'override_stream_error_on_invalid_http_message',
      'use_balsa_parser',
      'allow_custom_methods',
    ],
    'ignore_http_11_upgrade',
  ],
});

export const httpConnectionManager = message(
  'envoy.extensions.filters.network.http_connection_manager.v3.HttpConnectionManager',
  {
    fields: {
      codec_type: withDefault(
        enumeration<HttpConnectionManager['codecType']>({
          AUTO: 'AUTO',
          HTTP1: 'HTTP1',
          HTTP2: 'HTTP2',
          HTTP3: undefined,
        }),
        'AUTO',
      ),
      stat_prefix: label('nothing is counted under it'),
      route_config: required(routesOf),
      http_filters: required(chainOf),
      stream_idle_timeout: withDefault(duration, STREAM_IDLE_TIMEOUT_MS, 'default: 300s; 0s: none'),
      request_timeout: withDefault(duration, 0, '0s: none'),
      common_http_protocol_options: optional(httpProtocolOptions.read),
      http_protocol_options: optional(http1ProtocolOptions.read),
      http2_protocol_options: optional(http2ProtocolOptions.read),
      upgrade_configs: repeated(upgradeOf),
      access_log: noted('no access log is written'),
      generate_request_id: noted('no x-request-id is made'),
      add_user_agent: withDefault(always(false, 'no user-agent is made'), false),
      use_remote_address: withDefault(always(false, 'x-forwarded-for is left as it is'), false),
      skip_xff_append: label('x-forwarded-for is left as it is'),
      normalize_path: withDefault(always(false, 'paths are left as they are'), false),
      merge_slashes: withDefault(always(false, 'paths are left as they are'), false),
      strip_matching_host_port: withDefault(always(false, 'Host is left as it is'), false),
      server_header_transformation: withDefault(
        enumeration({
          OVERWRITE: undefined,
          APPEND_IF_ABSENT: undefined,
          PASS_THROUGH: 'PASS_THROUGH',
        }),
        'PASS_THROUGH',
        'PASS_THROUGH, which is the default here',
      ),
      internal_address_config: noted('no address is trusted more than another'),
    },
    unsupported: [
      ...[
        'rds',
        'scoped_routes',
        'tracing',
        'server_name',
        'http3_protocol_options',
        'drain_timeout',
      ],
      ...['max_request_headers_kb', 'request_headers_timeout', 'delayed_close_timeout', 'via'],
      ...['access_log_flush_interval', 'flush_access_log_on_new_request', 'access_log_options'],
      ...[
        'xff_num_trusted_hops',
        'original_ip_detection_extensions',
        'early_header_mutation_extensions',
      ],
      ...[
        'preserve_external_request_id',
        'always_set_request_id_in_response',
        'local_reply_config',
      ],
      ...['forward_client_cert_details', 'set_current_client_cert_details', 'proxy_100_continue'],
      ...['represent_ipv4_remote_address_as_ipv4_mapped_ipv6', 'path_with_escaped_slashes_action'],
      ...['request_id_extension', 'strip_any_host_port', 'stream_error_on_invalid_http_message'],
      ...['path_normalization_options', 'strip_trailing_host_dot', 'proxy_status_config'],
      ...[
        'scheme_header_transformation',
        'typed_header_validation_config',
        'append_x_forwarded_port',
      ],
      ...['add_proxy_protocol_connection_state', 'append_local_overload', 'stream_flush_timeout'],
      ...['http1_safe_max_connection_duration', 'max_request_headers_count', 'idle_timeout'],
    ],
  },
);

export const connectionManagerOf: Read<HttpConnectionManager> = mapped(
  httpConnectionManager,
  (values) => ({
    at: values.at,
    codecType: values.codec_type,
    routes: values.route_config,
    plugins: values.http_filters,
    streamIdleTimeoutMs: values.stream_idle_timeout,
    requestTimeoutMs: values.request_timeout,
    idleTimeoutMs: values.common_http_protocol_options?.idle_timeout ?? IDLE_TIMEOUT_MS,
    upgrades: [...new Set(values.upgrade_configs.filter((each) => each !== undefined))],
  }),
);
