/** The public options: their types, their defaults, and what they come to. */
import type { PropertyValue } from './abi/property-value.js';
import type { CodeSourceOptions } from './code/code-source-options.js';
import type { PropertyOption } from './contexts/app-properties.js';
import type { Logger } from './logger.js';
import type { SelfTest } from './self-test/self-test.js';
import type { MetricsOptions } from './services/host-metrics.js';
import type { SharedState } from './services/shared-state.js';
import { DEFAULT_HOSTCALL_LIMITS, type HostcallLimits } from './vm/hostcall-limits.js';
import type { Tracer } from './vm/trace/tracer.js';

/** What JSON can say. */
export type JsonValue =
  string | number | boolean | null | readonly JsonValue[] | { readonly [key: string]: JsonValue };

/**
 * A path, a URL (as URL or string), the bytes, or a module that is compiled already. URLs are `file:`,
 * `https:`, `http:`, and `oci://registry/repository:tag` or `…@sha256:…` for an image in a registry.
 */
export type ModuleCode = string | URL | Uint8Array | WebAssembly.Module;

/** Text is sent as UTF-8, bytes as they are, anything else as its JSON. */
export type Configuration = string | Uint8Array | JsonValue;

/** What becomes of streams that are open when a plugin fails. */
export type InFlightPolicy = 'fail-closed' | 'fail-open';

/**
 * What becomes of requests when a plugin has failed: 503 (`fail-closed`), pass without it (`fail-
 * open`), or 503 until it has been started again (`fail-reload`).
 */
export type FailurePolicy = 'fail-closed' | 'fail-open' | 'fail-reload';

/** When a plugin that failed is started again, under 'fail-reload'. Envoy's `backoff`. */
export interface ReloadBackoff {
  /** Until the first attempt, milliseconds, and up to half as much again; default 1000. */
  baseIntervalMs?: number;
  /** Most that the interval, which doubles with each attempt, grows to; default 60 000. */
  maxIntervalMs?: number;
}

/** What the VM is told, and which plugins share it. */
export interface VmOptions {
  /**
   * Plugins with the same id, vm configuration, code, environment, limits and capabilities share
   * one VM. Absent: the VM is the plugin's own. Also the namespace of shared data and queues.
   */
  id?: string;
  /** What the guest reads in `proxy_on_vm_start`; default: empty. */
  configuration?: Configuration;
  /** The guest's environment variables; nothing of the process's own. Default: none. */
  environment?: Record<string, string>;
}

/** What a plugin may use. Times are milliseconds, sizes bytes; each has a default. */
export interface Limits {
  /** Cap on the guest's memory, in bytes; default 256 MiB. */
  memoryBytes?: number;
  /** Cap on one callback, in milliseconds; default 1000; false: none. */
  callbackTimeMs?: number | false;
  /** Cap on one pause of a stream, in milliseconds; default 300 000. */
  pausedTimeMs?: number;
  /** Cap on what a paused body may hold, in bytes; default 1 MiB. */
  bufferedBodyBytes?: number;
  /** Cap on calls to upstreams (HTTP and gRPC) that are in flight; default 1024. */
  upstreamCalls?: number;
  /** Cap on the bodies of those calls, in bytes; default 64 MiB. */
  upstreamBytes?: number;
  /** Cap on one list of headers, trailers or metadata that the guest passes; default 1 MiB. */
  pairsBytes?: number;
  /** Cap on the entries of such a list; default 1024. */
  pairsEntries?: number;
  /**
   * Cap on the header names and values that a filter writes on one exchange, in bytes, each write
   * counting 32 more; default 4 MiB.
   */
  headerBytes?: number;
  /** Cap on what a body that a filter sees may grow to by its writes, in bytes; default 64 MiB. */
  bodyBytes?: number;
  /** Cap on the properties that the filters of one exchange keep, in bytes; default 1 MiB. */
  propertyBytes?: number;
  /** Cap on one key and value of shared data, or one queued message, in bytes; default 16 MiB. */
  sharedDataBytes?: number;
  /** Cap on one line that the guest logs, in bytes: the rest is cut off; default 64 KiB. */
  logLineBytes?: number;
  /** Lines per second that a VM may log: more are dropped, and counted; default 10 000. */
  logLinesPerSecond?: number | false;
  /** Cap on a start: reading, compiling, starting, configuring, self-test; default 30 000. */
  startTimeMs?: number;
}

/** What comes first counts. A VM that is replaced finishes the streams it has. */
export interface Recycle {
  /** Size of the guest's memory, bytes: it grows, but never shrinks. */
  memoryBytes?: number;
  /** Requests that the VM has served. */
  requests?: number;
}

/** Properties by dotted path, or a function that is asked with the path's segments. */
export type Properties = PropertyOption;

/**
 * Answers in place of a server. Its `request.signal` is aborted when nobody waits for the answer any
 * more. An error that it throws or rejects with is what a reset connection is: the filter gets 503.
 * A `Request` has no trailers, no body with GET or HEAD, and no method CONNECT or TRACE: trailers of
 * a call are left out, the others are refused.
 */
export type UpstreamFunction = (request: Request) => Response | Promise<Response>;

/** A server. */
export interface UpstreamOptions {
  /** Scheme, host and port: `https://auth.internal:8443`. This or one of the next two must be given. */
  url?: string;
  /** The same by another name. */
  origin?: string;
  /** Several servers, each as `url`, that take turns call by call. All else holds for each of them. */
  origins?: readonly string[];
  /** For `https:`. */
  tls?: UpstreamTlsOptions;
  /**
   * HTTP/2 where the server has it (by ALPN); with `http:` always. Default: HTTP/1.1. gRPC takes
   * HTTP/2 whatever is said here, and calls with request trailers take HTTP/1.1.
   */
  http2?: boolean;
  /** How many connections at most; calls beyond wait. Default 128. */
  connections?: number;
  /** Until a connection is there, milliseconds; default 10 000. */
  connectTimeoutMs?: number;
  /** From the request to the response's head, milliseconds; default 300 000. */
  headersTimeoutMs?: number;
  /** Between two pieces of the response's body, milliseconds; default 300 000. */
  bodyTimeoutMs?: number;
  /** Cap on a response's body and on a gRPC message, bytes; default 16 MiB. */
  maxResponseBytes?: number;
}

/** As in `tls.connect`. The name that is checked is the URL's, unless `servername` is given. */
export interface UpstreamTlsOptions {
  /** PEM. Default: the authorities that Node knows. */
  ca?: string | Uint8Array | readonly (string | Uint8Array)[];
  /** PEM of the client's certificate. */
  cert?: string | Uint8Array;
  key?: string | Uint8Array;
  passphrase?: string;
  servername?: string;
  /** false: a server of any name, with a certificate of anybody's. Default true. */
  rejectUnauthorized?: boolean;
}

/** An origin URL, options, or JavaScript that answers in place of a server. */
export type Upstream = string | UpstreamOptions | UpstreamFunction;

/**
 * Answers a guest's `proxy_call_foreign_function`: at once, or with a promise, whose result comes by
 * `proxy_on_foreign_function` (not for Go's SDK, which has no such callback, nor for ABI 0.1.0).
 * Text is sent as UTF-8. What it throws or rejects with is logged; the guest gets status 10
 * (InternalFailure), or an empty result where it had to wait.
 */
export type ForeignFunction = (
  argument: Uint8Array,
  context: ForeignFunctionContext,
) => ForeignResult | Promise<ForeignResult>;

/** undefined, or just returning, is an empty result. */
export type ForeignResult = Uint8Array | string | undefined | void;

/** Who calls a foreign function. */
export interface ForeignFunctionContext {
  readonly pluginName: string;
  readonly rootId: string;
  readonly vmId: string;
  /** The context that calls: a stream's, or the plugin's own. */
  readonly contextId: number;
  /**
   * A property as the guest would read it, by dotted path or segments; undefined where it is not
   * there, and once the stream has ended.
   */
  property(path: string | readonly string[]): PropertyValue | undefined;
  /** Keeps a property for the rest of the exchange; 'no-stream' once that has ended. */
  setProperty(path: string, value: string | Uint8Array): 'ok' | 'no-stream' | 'read-only' | 'full';
}

/**
 * A vendor's import outside the spec, served under module `env`. It answers at once: a number for
 * an i32 result (usually a status), a bigint for an i64 one, nothing where there is no result.
 * What it throws is logged, and the guest gets status 10 (InternalFailure).
 *
 * @param context access to the calling guest's memory, valid only during the call
 * @param args as WebAssembly passes them: i32 as a signed number, i64 as a bigint
 */
export type HostFunction = (
  context: HostFunctionContext,
  ...args: (number | bigint)[]
) => number | bigint | undefined | void;

/**
 * The guest's memory, as a host function sees it. Addresses and lengths are taken as unsigned, so
 * arguments can be passed on as they came. A range outside the memory throws; uncaught, the guest
 * gets status 6 (InvalidMemoryAccess).
 */
export interface HostFunctionContext {
  readonly pluginName: string;
  readonly rootId: string;
  readonly vmId: string;
  /** The context on whose behalf the guest calls; 0 while the module starts. */
  readonly contextId: number;
  /** A copy of `length` bytes at `ptr`. */
  readBytes(ptr: number, length: number): Uint8Array;
  /** `length` bytes at `ptr` as UTF-8. */
  readString(ptr: number, length: number): string;
  /** The little-endian number at `ptr`. */
  readU32(ptr: number): number;
  /** Writes all of `bytes` at `ptr`. */
  writeBytes(ptr: number, bytes: Uint8Array): void;
  /** 4 bytes, little-endian. */
  writeU32(ptr: number, value: number): void;
  /** 8 bytes, little-endian. */
  writeU64(ptr: number, value: bigint): void;
  /**
   * Hands bytes to the guest, in a block of its own allocator: the address goes to `returnPtr`,
   * the size to `returnSizePtr`. Views and copies read before stay as they were.
   */
  returnBytes(bytes: Uint8Array | string, returnPtr: number, returnSizePtr: number): void;
}

/** Time as guests see it. Deadlines never use it. */
export interface Clock {
  /** Wall clock, in nanoseconds since the Unix epoch. */
  nowNs(): bigint;
  /** Where plugins' timers (`proxy_on_tick`) run; given together with `clearTimer`. */
  setTimer?(callback: () => void, delayMs: number): unknown;
  /** Of what `setTimer` has given. */
  clearTimer?(timer: unknown): void;
}

/** What the plugins of a host share. All of it may be left out. */
export interface HostOptions {
  /** Names that `proxy_http_call` and gRPC use. Nothing that is not named is ever reached. */
  upstreams?: Record<string, Upstream>;
  /** Asked for names that `upstreams` lacks. */
  resolveUpstream?: (name: string) => Upstream | undefined;
  /** pino's shape, or a console. Default: the process's console. */
  logger?: Logger;
  /** Where shared data and queues are kept. Default: in memory, this host's own. */
  sharedState?: SharedState;
  /** How metrics are shown. */
  metrics?: MetricsOptions;
  /**
   * Whether the host counts and times the callbacks of its plugins, for `metrics`; default true. False:
   * nothing of that is left in a request's way.
   */
  instruments?: boolean;
  /** What filters may call by name, beside Envoy's own functions (`compress`, `sign`, …). */
  foreignFunctions?: Record<string, ForeignFunction>;
  /** Vendors' imports outside the spec, by name. */
  hostFunctions?: Record<string, HostFunction>;
  /** For tests. Default: the system's. */
  clock?: Clock;
  /** How remote code is fetched; what a plugin says itself comes first. */
  codeSource?: CodeSourceOptions;
}

/** One use of a module: its code, what it is told, what it may do. Only `code` is required. */
export interface PluginOptions {
  code: ModuleCode;
  /** Of the original bytes, in hex; a mismatch is an error, and nothing is run. */
  sha256?: string;
  /**
   * Takes code from a URL without `sha256` (or `@sha256:` in an `oci:` one), whatever comes; default
   * false: such options are refused.
   */
  allowUnpinned?: boolean;
  /** How remote code is fetched. */
  codeSource?: CodeSourceOptions;
  /** `plugin_name`, in logs and errors; default: the file's name without `.wasm`. */
  name?: string;
  /** `plugin_root_id`: which of a module's root contexts is meant; default ''. */
  rootId?: string;
  /** What the guest reads in `proxy_on_configure`; default: empty. */
  configuration?: Configuration;
  vm?: VmOptions;
  /** What becomes of requests when the plugin fails; default 'fail-reload': closed, then healed. */
  failurePolicy?: FailurePolicy;
  /**
   * What becomes of the streams that are open when the plugin fails; default: as `failurePolicy`
   * says. Envoy's `FAIL_OPEN` is 'fail-open' with 'fail-closed' here. @see envoyFailurePolicy
   */
  inFlightPolicy?: InFlightPolicy;
  reloadBackoff?: ReloadBackoff;
  /** Hostcalls, WASI functions and callbacks that are allowed, by name; absent: all. */
  capabilities?: readonly string[];
  limits?: Limits;
  /** Tries a new VM before it takes requests: at `createPlugin` and at each reload. */
  selfTest?: SelfTest;
  /** For development: reloads when the file that `code` names has changed. Default false. */
  watch?: boolean;
  /** When the VM has served its time and another takes its place; default: never. */
  recycle?: Recycle;
  /**
   * Whether errors tell the last hostcalls, which costs a few percent of what a lean filter takes;
   * default: once the plugin has failed. Of plugins that share a VM, the one that starts it decides.
   */
  recordHostcalls?: boolean;
  /** Envoy's `allow_on_headers_stop_iteration`; default false. */
  allowOnHeadersStopIteration?: boolean;
  /** Added to what Node knows. */
  properties?: Properties;
  /** Override or add to the host's. */
  upstreams?: Record<string, Upstream>;
  /** Overrides the host's. */
  logger?: Logger;
  /**
   * For development and tests: told of every callback and hostcall, with arguments, results and times.
   * Absent, which is the default, nothing is left of it in a call's way.
   */
  trace?: Tracer;
}

/** {@link Limits} with their defaults. */
export interface ResolvedLimits extends HostcallLimits {
  readonly memoryBytes: number;
  readonly callbackTimeMs: number | false;
  readonly pausedTimeMs: number;
  readonly bufferedBodyBytes: number;
  readonly startTimeMs: number;
}

export const DEFAULT_LIMITS: ResolvedLimits = {
  memoryBytes: 256 * 1024 * 1024,
  callbackTimeMs: 1000,
  pausedTimeMs: 300_000,
  bufferedBodyBytes: 1024 * 1024,
  ...DEFAULT_HOSTCALL_LIMITS,
  startTimeMs: 30_000,
};

export const DEFAULT_BACKOFF: Required<ReloadBackoff> = {
  baseIntervalMs: 1000,
  maxIntervalMs: 60_000,
};

/** {@link PluginOptions} as the rest of the code takes them: checked, complete, in bytes. */
export interface ResolvedPluginOptions {
  readonly code: ModuleCode;
  readonly sha256: string | undefined;
  readonly codeSource: CodeSourceOptions | undefined;
  readonly name: string;
  readonly rootId: string;
  readonly configuration: Uint8Array;
  /** undefined: the VM is private. */
  readonly vmId: string | undefined;
  readonly vmConfiguration: Uint8Array;
  readonly environment: Readonly<Record<string, string>>;
  readonly failurePolicy: FailurePolicy;
  readonly inFlightPolicy: InFlightPolicy;
  readonly reloadBackoff: Required<ReloadBackoff>;
  readonly capabilities: readonly string[] | undefined;
  readonly limits: ResolvedLimits;
  readonly selfTest: SelfTest | undefined;
  readonly watch: boolean;
  readonly recycle: Readonly<Recycle> | undefined;
  /** undefined: once the plugin has failed. */
  readonly recordHostcalls: boolean | undefined;
  readonly allowOnHeadersStopIteration: boolean;
  readonly properties: Properties | undefined;
  readonly upstreams: Readonly<Record<string, Upstream>> | undefined;
  readonly logger: Logger | undefined;
  readonly trace: Tracer | undefined;
}
