/** `AsyncDataSource`: where a plugin's code comes from. */
import { existsSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';

import type { CodeSourceOptions, PluginOptions } from '@proxy-wasm-node/core';

import { configError, refuseInvalid } from '../refusals.js';
import { optional, reader, required, type Read } from '../schema/field.js';
import { mapped, message, type Values } from '../schema/message.js';
import type { ReadContext } from '../schema/read-context.js';
import { name, positiveDuration, whole } from '../schema/scalars.js';
import type { ConfigNode } from '../text/config-node.js';
import { originOf, tlsOf } from '../upstreams.js';
import { bytesOf, dataSource } from './data-source.js';

type CodeOptions = Pick<PluginOptions, 'code' | 'sha256' | 'codeSource'>;

export const backoffStrategy = message('envoy.config.core.v3.BackoffStrategy', {
  fields: {
    base_interval: required(positiveDuration),
    max_interval: optional(positiveDuration, 'default: ten times base_interval'),
  },
});

export interface Backoff {
  readonly baseIntervalMs: number;
  readonly maxIntervalMs: number;
}

const TIMES = 10;
const MAX_DELAY_MS = 0x7fff_ffff;

export const backoff: Read<Backoff> = mapped(backoffStrategy, (values) => {
  const { base_interval: baseIntervalMs, max_interval: given } = values;
  const maxIntervalMs = given ?? Math.min(baseIntervalMs * TIMES, MAX_DELAY_MS);
  if (maxIntervalMs >= baseIntervalMs) return { baseIntervalMs, maxIntervalMs };
  return refuseInvalid(values.placeOf('max_interval'), 'must not be below base_interval');
});

export const httpUri = message('envoy.config.core.v3.HttpUri', {
  fields: {
    uri: required(name),
    cluster: optional(
      name,
      'where the request goes; in `fromEnvoyConfig` of a part: where the URI says',
    ),
    timeout: optional(positiveDuration, 'default: 10s'),
  },
});

export const retryPolicy = message('envoy.config.core.v3.RetryPolicy', {
  fields: {
    retry_back_off: optional(backoff),
    num_retries: optional(whole(0, 0xffff_ffff)),
  },
  unsupported: [
    ...['retry_on', 'retry_priority', 'retry_host_predicate'],
    'host_selection_retry_max_attempts',
  ],
});

export const remoteDataSource = message('envoy.config.core.v3.RemoteDataSource', {
  fields: {
    http_uri: required(httpUri.read),
    sha256: required(name, '64 hex digits; Envoy too wants it'),
    retry_policy: optional(retryPolicy.read),
  },
});

export const asyncDataSource = message('envoy.config.core.v3.AsyncDataSource', {
  fields: {
    local: optional(reader(dataSource.name, localCode)),
    remote: optional(mapped(remoteDataSource, remoteCode)),
    filename: optional(reader('text', olderCode), 'older form, taken with a note'),
    inline_bytes: optional(reader('base64', olderCode), 'older form, taken with a note'),
    inline_string: optional(reader('text', olderCode), 'older form, taken with a note'),
  },
  exactlyOne: [['local', 'remote', 'filename', 'inline_bytes', 'inline_string']],
});

/** A file is read when the plugin starts; that it is there is seen now. */
function localCode(node: ConfigNode, context: ReadContext): CodeOptions {
  const values = dataSource.read(node, context);
  if (values.filename === undefined) return { code: bytesOf(values, context) };
  const path = resolve(context.baseDirectory, values.filename);
  if (existsSync(path)) return { code: path };
  const hint = isAbsolute(values.filename)
    ? ''
    : `; relative names start at ${context.baseDirectory}`;
  const at = values.placeOf('filename');
  throw configError('PW_ERR_CODE_NOT_FOUND', at, `there is no file ${path}${hint}`);
}

/** As Envoy had it before `local` and `remote`. */
function olderCode(node: ConfigNode, context: ReadContext): unknown {
  context.note(node.at, 'an older form; newer Envoys want it inside of `local`');
  return node;
}

function remoteCode(
  values: Values<typeof remoteDataSource.fields>,
  context: ReadContext,
): CodeOptions {
  const { http_uri: uri, sha256, retry_policy: retry } = values;
  if (!/^[\da-f]{64}$/i.test(sha256)) {
    refuseInvalid(values.placeOf('sha256'), 'must be a sha256 digest: 64 hex digits');
  }
  if (!/^https?:\/\//i.test(uri.uri) || !URL.canParse(uri.uri)) {
    refuseInvalid(uri.placeOf('uri'), 'must be an http:// or https:// URL');
  }
  return {
    code: uri.uri,
    sha256,
    codeSource: {
      ...(uri.timeout !== undefined && { timeoutMs: uri.timeout }),
      ...(retry?.num_retries !== undefined && { retries: retry.num_retries }),
      ...(retry?.retry_back_off !== undefined && { retryBackoff: retry.retry_back_off }),
      ...clusterOf(uri, context),
    },
  };
}

/** The cluster says where the request goes, and whether by TLS; the URI only what is asked for. */
function clusterOf(
  uri: Values<typeof httpUri.fields>,
  context: ReadContext,
): Pick<CodeSourceOptions, 'origin' | 'tls'> {
  if (uri.cluster === undefined || context.clusters === undefined) return {};
  const cluster = context.findCluster(uri.cluster, uri.placeOf('cluster'));
  const [endpoint] = cluster.endpoints;
  if (endpoint === undefined) return {};
  const tls = cluster.tls === undefined ? {} : { tls: tlsOf(cluster.tls) };
  return { origin: originOf(cluster, endpoint), ...tls };
}

export const codeOptions = reader<CodeOptions>(asyncDataSource.name, (node, context) => {
  const { local, remote } = asyncDataSource.read(node, context);
  return local ?? remote ?? localCode(node, context);
});
