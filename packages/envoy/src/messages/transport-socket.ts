/** TLS with upstreams. */
import type { ClusterTls } from '../model.js';
import { refuseInvalid } from '../refusals.js';
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
import { always, name } from '../schema/scalars.js';
import { oneOfTypes } from '../schema/typed-config.js';
import { sourceBytes } from './data-source.js';

export const tlsCertificate = message('envoy.extensions.transport_sockets.tls.v3.TlsCertificate', {
  fields: { certificate_chain: required(sourceBytes), private_key: required(sourceBytes) },
  unsupported: [
    ...['pkcs12', 'watched_directory', 'private_key_provider', 'password', 'ocsp_staple'],
    'signed_certificate_timestamp',
  ],
});

export const validationContext = message(
  'envoy.extensions.transport_sockets.tls.v3.CertificateValidationContext',
  {
    fields: {
      trusted_ca: required(
        sourceBytes,
        'the name in the certificate is checked too, unlike in Envoy',
      ),
    },
    unsupported: [
      ...['ca_certificate_provider_instance', 'watched_directory', 'verify_certificate_spki'],
      ...['verify_certificate_hash', 'match_typed_subject_alt_names', 'match_subject_alt_names'],
      ...['require_signed_certificate_timestamp', 'crl', 'allow_expired_certificate'],
      ...['trust_chain_verification', 'custom_validator_config', 'system_root_certs'],
      ...['only_verify_leaf_cert_crl', 'max_verify_depth', 'auto_sni_san_match'],
    ],
  },
);

export const commonTlsContext = message(
  'envoy.extensions.transport_sockets.tls.v3.CommonTlsContext',
  {
    fields: {
      tls_certificates: repeated(tlsCertificate.read, 'one'),
      validation_context: optional(validationContext.read),
      alpn_protocols: noted('the protocol follows from the HTTP version of the cluster'),
    },
    unsupported: [
      ...['tls_params', 'tls_certificate_sds_secret_configs', 'tls_certificate_provider_instance'],
      ...['custom_tls_certificate_selector', 'validation_context_sds_secret_config', 'key_log'],
      ...['combined_validation_context', 'custom_handshaker'],
    ],
  },
);

export const upstreamTlsContext = message(
  'envoy.extensions.transport_sockets.tls.v3.UpstreamTlsContext',
  {
    fields: {
      common_tls_context: optional(commonTlsContext.read),
      sni: optional(name),
      allow_renegotiation: withDefault(always(false, 'there is no renegotiation'), false),
    },
    unsupported: [
      'auto_host_sni',
      'auto_sni_san_validation',
      'max_session_keys',
      'enforce_rsa_key_usage',
    ],
  },
);

const UNCHECKED =
  'without validation_context.trusted_ca nobody’s certificate is checked, as in Envoy';

const upstreamTls: Read<ClusterTls | undefined> = mapped(upstreamTlsContext, (values, context) => {
  const { at, sni, common_tls_context: common } = values;
  const certificates = common?.tls_certificates ?? [];
  if (certificates.length > 1) refuseInvalid(at, 'a client has one certificate');
  const [own] = certificates;
  const ca = common?.validation_context?.trusted_ca;
  if (ca === undefined) context.note(at, UNCHECKED);
  return { at, sni, ca, cert: own?.certificate_chain, key: own?.private_key };
});

export const rawBuffer = message('envoy.extensions.transport_sockets.raw_buffer.v3.RawBuffer', {
  fields: {},
});

const plainText: Read<ClusterTls | undefined> = mapped(rawBuffer, () => undefined);

export const transportSocket = message('envoy.config.core.v3.TransportSocket', {
  fields: {
    name: label('says nothing: `@type` does'),
    typed_config: required(
      oneOfTypes({ [upstreamTlsContext.name]: upstreamTls, [rawBuffer.name]: plainText }),
    ),
  },
});

export const transportSocketOf = mapped(transportSocket, ({ typed_config: tls }) => tls);
