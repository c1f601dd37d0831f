/** The options that say how remote code is fetched. */
import type { UpstreamTlsOptions } from '../options.js';

/** How code is fetched from `https:`, `http:` and `oci:` URLs. */
export interface CodeSourceOptions {
  /**
   * The folder where fetched modules are kept, by their digest; false: nowhere. Default:
   * `proxy-wasm-node` in the user's folder for caches. One that can't be written is a warning.
   */
  cacheDir?: string | false;
  /** How long a kept module that nobody asks for stays, milliseconds; default 24 hours, as Envoy's. */
  cacheTtlMs?: number;
  /** Cap on the module, and on the layer that holds it, packed or not, in bytes; default 256 MiB. */
  maxBytes?: number;
  /** Cap on one attempt at one request, milliseconds; default 10 000. Envoy's `http_uri.timeout`. */
  timeoutMs?: number;
  /**
   * Attempts after the first, for network errors, 5xx and 429; default 1. 0: none. Envoy's
   * `retry_policy.num_retries`.
   */
  retries?: number;
  /** The time between attempts. Envoy's `retry_policy.retry_back_off`. */
  retryBackoff?: RetryBackoff;
  /** How long a source that failed is not asked again, milliseconds; default 10 000, as Envoy's. */
  negativeCacheMs?: number | false;
  /** Sent to the URL's own host, or the registry; never to where they redirect. */
  headers?: Readonly<Record<string, string>>;
  /** For the URL's own host, or the registry and its token server. */
  credentials?: CodeCredentials;
  /** For registries, by name: a `config.json` of Docker's, or its path. Default: none is read. */
  dockerConfig?: string | URL | DockerConfig;
  /**
   * Whether a registry is spoken to without TLS; default: only where it is this machine
   * (`localhost`, 127.0.0.0/8, `[::1]`).
   */
  plainHttp?: boolean;
  /** For `https:` and registries. The name that is checked is that of the host. */
  tls?: UpstreamTlsOptions;
  /**
   * Scheme, host and port that are connected to in the place of the URL's, which is still what is
   * asked for (`host`). Envoy's `http_uri.cluster`. For `http:` and `https:` code only.
   */
  origin?: string;
}

/** Until the first retry a random time up to `baseIntervalMs`; the bound doubles with each. */
export interface RetryBackoff {
  /** Milliseconds; default 1000, as Envoy's. */
  baseIntervalMs?: number;
  /** Most that the bound grows to, milliseconds; default ten times `baseIntervalMs`, as Envoy's. */
  maxIntervalMs?: number;
}

/** A user's name and password, or a token. */
export type CodeCredentials =
  { readonly username: string; readonly password: string } | { readonly token: string };

/** As `docker login` writes it; helpers (`credsStore`, `credHelpers`) are not run. */
export interface DockerConfig {
  readonly auths?: Readonly<Record<string, DockerAuth>>;
  readonly [other: string]: unknown;
}

/** The credentials of one registry. */
export interface DockerAuth {
  /** `user:password` in base64. */
  readonly auth?: string;
  readonly username?: string;
  readonly password?: string;
  /** Exchanged for a token by the registry's token server. */
  readonly identitytoken?: string;
  /** Sent to the registry as it is. */
  readonly registrytoken?: string;
  readonly [other: string]: unknown;
}
