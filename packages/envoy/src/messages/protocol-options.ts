/** `typed_extension_protocol_options`: which HTTP version a cluster is spoken to in. */
import { optional, withDefault, type Read } from '../schema/field.js';
import { mapped, message } from '../schema/message.js';
import { always } from '../schema/scalars.js';
import { oneOfTypes } from '../schema/typed-config.js';
import { http1ProtocolOptions, http2ProtocolOptions } from './http-connection-manager.js';

const HTTP_PROTOCOL_OPTIONS = 'envoy.extensions.upstreams.http.v3.HttpProtocolOptions';

export const explicitHttpConfig = message(`${HTTP_PROTOCOL_OPTIONS}.ExplicitHttpConfig`, {
  fields: {
    http_protocol_options: optional(http1ProtocolOptions.read),
    http2_protocol_options: optional(http2ProtocolOptions.read),
  },
  unsupported: ['http3_protocol_options'],
  exactlyOne: [['http_protocol_options', 'http2_protocol_options']],
});

/** HTTP/2 where the server has it: by ALPN, so with TLS only. */
export const autoHttpConfig = message(`${HTTP_PROTOCOL_OPTIONS}.AutoHttpConfig`, {
  fields: {
    http_protocol_options: optional(http1ProtocolOptions.read),
    http2_protocol_options: optional(http2ProtocolOptions.read),
  },
  unsupported: ['http3_protocol_options', 'alternate_protocols_cache_options'],
});

export const upstreamHttpOptions = message('envoy.config.core.v3.UpstreamHttpProtocolOptions', {
  fields: {
    auto_sni: withDefault(always(false, 'give sni'), false),
    auto_san_validation: withDefault(always(false, 'give trusted_ca'), false),
  },
  unsupported: ['override_auto_sni_header'],
});

export const httpProtocolOptionsOfCluster = message(HTTP_PROTOCOL_OPTIONS, {
  fields: {
    explicit_http_config: optional(explicitHttpConfig.read),
    auto_config: optional(autoHttpConfig.read),
    upstream_http_protocol_options: optional(upstreamHttpOptions.read),
  },
  unsupported: [
    ...['common_http_protocol_options', 'use_downstream_protocol_config', 'http_filters'],
    ...['header_validation_config', 'outlier_detection', 'hash_policy', 'retry_policy'],
  ],
  exactlyOne: [['explicit_http_config', 'auto_config']],
});

/** Whether HTTP/2 is meant. */
const readOptions: Read<boolean> = mapped(httpProtocolOptionsOfCluster, (values) => {
  const explicit = values.explicit_http_config;
  return explicit === undefined || explicit.has('http2_protocol_options');
});

export const extensionProtocolOptions = message(
  'envoy.config.cluster.v3.Cluster.typed_extension_protocol_options',
  {
    fields: {
      [HTTP_PROTOCOL_OPTIONS]: withDefault(
        oneOfTypes({ [HTTP_PROTOCOL_OPTIONS]: readOptions }),
        false,
      ),
    },
  },
);

export const protocolOptions: Read<boolean> = mapped(
  extensionProtocolOptions,
  (values) => values[HTTP_PROTOCOL_OPTIONS] === true,
);
