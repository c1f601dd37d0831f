/** The callbacks that this host calls, as numbers from 0: the place of each in arrays of counts. */
export const CallbackKind = {
  ON_CONTEXT_CREATE: 0,
  ON_VM_START: 1,
  ON_CONFIGURE: 2,
  ON_TICK: 3,
  ON_QUEUE_READY: 4,
  ON_FOREIGN_FUNCTION: 5,
  ON_NEW_CONNECTION: 6,
  ON_DOWNSTREAM_DATA: 7,
  ON_UPSTREAM_DATA: 8,
  ON_DOWNSTREAM_CONNECTION_CLOSE: 9,
  ON_UPSTREAM_CONNECTION_CLOSE: 10,
  ON_REQUEST_HEADERS: 11,
  ON_REQUEST_BODY: 12,
  ON_REQUEST_TRAILERS: 13,
  ON_RESPONSE_HEADERS: 14,
  ON_RESPONSE_BODY: 15,
  ON_RESPONSE_TRAILERS: 16,
  ON_HTTP_CALL_RESPONSE: 17,
  ON_GRPC_RECEIVE_INITIAL_METADATA: 18,
  ON_GRPC_RECEIVE: 19,
  ON_GRPC_RECEIVE_TRAILING_METADATA: 20,
  ON_GRPC_CLOSE: 21,
  ON_DONE: 22,
  ON_LOG: 23,
  ON_DELETE: 24,
} as const;
export type CallbackKind = (typeof CallbackKind)[keyof typeof CallbackKind];

/** `proxy_on_…`, by kind. */
export const CALLBACK_NAMES: readonly string[] = Object.keys(CallbackKind).map(
  (name) => `proxy_${name.toLowerCase()}`,
);
