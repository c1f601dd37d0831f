/**
 * The numbers of the proxy-wasm ABI, with the spec's names.
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
 */

/** Result of a hostcall (`proxy_status_t`; members beyond the spec's are cpp-host's). */
export const Status = {
  OK: 0,
  NOT_FOUND: 1,
  BAD_ARGUMENT: 2,
  SERIALIZATION_FAILURE: 3,
  PARSE_FAILURE: 4,
  BAD_EXPRESSION: 5,
  INVALID_MEMORY_ACCESS: 6,
  EMPTY: 7,
  CAS_MISMATCH: 8,
  RESULT_MISMATCH: 9,
  INTERNAL_FAILURE: 10,
  BROKEN_CONNECTION: 11,
  UNIMPLEMENTED: 12,
} as const;
export type Status = (typeof Status)[keyof typeof Status];

export const LogLevel = {
  TRACE: 0,
  DEBUG: 1,
  INFO: 2,
  WARN: 3,
  ERROR: 4,
  CRITICAL: 5,
  /** Not in the spec: what Envoy answers when logging is off. */
  OFF: 6,
} as const;
export type LogLevel = (typeof LogLevel)[keyof typeof LogLevel];

export const MapType = {
  HTTP_REQUEST_HEADERS: 0,
  HTTP_REQUEST_TRAILERS: 1,
  HTTP_RESPONSE_HEADERS: 2,
  HTTP_RESPONSE_TRAILERS: 3,
  GRPC_RECEIVE_INITIAL_METADATA: 4,
  GRPC_RECEIVE_TRAILING_METADATA: 5,
  HTTP_CALL_RESPONSE_HEADERS: 6,
  HTTP_CALL_RESPONSE_TRAILERS: 7,
} as const;

export const BufferType = {
  HTTP_REQUEST_BODY: 0,
  HTTP_RESPONSE_BODY: 1,
  DOWNSTREAM_DATA: 2,
  UPSTREAM_DATA: 3,
  HTTP_CALL_RESPONSE_BODY: 4,
  GRPC_RECEIVE_BUFFER: 5,
  VM_CONFIGURATION: 6,
  PLUGIN_CONFIGURATION: 7,
  CALL_DATA: 8,
} as const;

export const StreamType = {
  HTTP_REQUEST: 0,
  HTTP_RESPONSE: 1,
  DOWNSTREAM: 2,
  UPSTREAM: 3,
} as const;

/** What a header callback returns (Envoy's FilterHeadersStatus). */
export const HeadersStatus = {
  CONTINUE: 0,
  STOP_ITERATION: 1,
  CONTINUE_AND_END_STREAM: 2,
  STOP_ALL_ITERATION_AND_BUFFER: 3,
  STOP_ALL_ITERATION_AND_WATERMARK: 4,
} as const;

/** What a body callback returns (Envoy's FilterDataStatus). */
export const DataStatus = {
  CONTINUE: 0,
  STOP_ITERATION_AND_BUFFER: 1,
  STOP_ITERATION_AND_WATERMARK: 2,
  STOP_ITERATION_NO_BUFFER: 3,
} as const;

/** What a trailers callback returns (Envoy's FilterTrailersStatus). */
export const TrailersStatus = {
  CONTINUE: 0,
  STOP_ITERATION: 1,
} as const;

export const MetricType = { COUNTER: 0, GAUGE: 1, HISTOGRAM: 2 } as const;
export type MetricType = (typeof MetricType)[keyof typeof MetricType];

export const PeerType = { UNKNOWN: 0, LOCAL: 1, REMOTE: 2 } as const;

/** The versions this host speaks, as their marker exports name them. */
export const AbiVersion = {
  V0_1_0: '0.1.0',
  V0_2_0: '0.2.0',
  V0_2_1: '0.2.1',
} as const;
export type AbiVersion = (typeof AbiVersion)[keyof typeof AbiVersion];

/** errno of WASI preview 1, those this host answers. */
export const WasiErrno = {
  SUCCESS: 0,
  BADF: 8,
  EXIST: 20,
  FAULT: 21,
  INVAL: 28,
  NOENT: 44,
  NOSYS: 52,
  NOTSUP: 58,
  NOTCAPABLE: 76,
} as const;
export type WasiErrno = (typeof WasiErrno)[keyof typeof WasiErrno];
