/** What a generated guest does with upstreams. */
import { encodePairs } from './encode-pairs.js';
import type { GuestData } from './guest-data.js';

type Pairs = readonly (readonly [string, string])[];

/** Which gRPC call or stream: an id, or that of the last one that was started. */
type CallReference = number | 'last';

export type UpstreamOperation =
  /** Its id is "the last" then, and its caller is remembered. */
  | {
      httpCall: {
        upstream: string;
        /** Default: `:method` GET, `:path` /, `:authority` upstream.test. */
        headers?: Pairs;
        body?: string | Uint8Array;
        trailers?: Pairs;
        timeoutMs?: number;
      };
    }
  | {
      grpcCall: {
        upstream: string | Uint8Array;
        /** Default test.Echo, Unary. */
        service?: string;
        method?: string;
        metadata?: Pairs;
        message?: string | Uint8Array;
        timeoutMs?: number;
      };
    }
  | {
      grpcStream: {
        upstream: string | Uint8Array;
        /** Default test.Echo, Bidi. */
        service?: string;
        method?: string;
        metadata?: Pairs;
      };
    }
  | { grpcSend: readonly [call: CallReference, message: string, endOfStream: boolean] }
  | { grpcCancel: CallReference }
  | { grpcClose: CallReference }
  /** Logs the id of the last call that was started. */
  | { logLastCall: true }
  /** Logs the callback's call id, a space, and the size or status beside it. */
  | { logCall: true }
  /** In `proxy_on_http_call_response`: logs "headers body", then "trailers". */
  | { logCallSizes: true }
  /** Logs the message of `proxy_get_status`, then its code. */
  | { logCallStatus: true }
  /** Acts on the context that started the callback's call. */
  | { asCaller: true };

type UpstreamOperationName = UpstreamOperation extends infer O
  ? O extends unknown
    ? keyof O
    : never
  : never;

type Compilers = {
  [N in UpstreamOperationName]: (
    value: Extract<UpstreamOperation, Record<N, unknown>>[N],
    data: GuestData,
  ) => string;
};

const OUT = '(i32.const 0) (i32.const 4)';
/** Where the last call's id is, and then the contexts that started the calls. */
const LAST = '(i32.const 256)';
const CALLERS = 768;
const LAST_ID = `(i32.load ${LAST})`;

const number = (value: number): string => `(i32.const ${String(value | 0)})`;
const callerOf = (id: string): string =>
  `(i32.add (i32.const ${String(CALLERS)}) (i32.and ${id} (i32.const 252)))`;
const remember = `(i32.store ${callerOf(LAST_ID)} (local.get $context))`;
const idOf = (call: CallReference): string => (call === 'last' ? LAST_ID : number(call));

const DEFAULT_HEADERS: Pairs = [
  [':method', 'GET'],
  [':path', '/'],
  [':authority', 'upstream.test'],
];

export const UPSTREAM_COMPILERS: Compilers = {
  httpCall: (
    { upstream, headers = DEFAULT_HEADERS, body = '', trailers = [], timeoutMs = 0 },
    data,
  ) =>
    data.call(
      'proxy_http_call',
      data.bytes(upstream),
      data.bytes(encodePairs(headers)),
      data.bytes(body),
      data.bytes(encodePairs(trailers)),
      number(timeoutMs),
      LAST,
    ) + remember,
  grpcCall: (call, data) => {
    const { service = 'test.Echo', method = 'Unary', metadata = [] } = call;
    return (
      data.call(
        'proxy_grpc_call',
        ...[call.upstream, service, method, encodePairs(metadata), call.message ?? ''].map(
          (content) => data.bytes(content),
        ),
        number(call.timeoutMs ?? 0),
        LAST,
      ) + remember
    );
  },
  grpcStream: ({ upstream, service = 'test.Echo', method = 'Bidi', metadata = [] }, data) =>
    data.call(
      'proxy_grpc_stream',
      ...[upstream, service, method, encodePairs(metadata)].map((content) => data.bytes(content)),
      LAST,
    ) + remember,
  grpcSend: ([call, message, endOfStream], data) =>
    data.call('proxy_grpc_send', idOf(call), data.bytes(message), number(endOfStream ? 1 : 0)),
  grpcCancel: (call, data) => data.call('proxy_grpc_cancel', idOf(call)),
  grpcClose: (call, data) => data.call('proxy_grpc_close', idOf(call)),
  logLastCall: () => `(call $sayNumber ${LAST_ID})`,
  logCall: () => '(call $sayNumbers (local.get $call) (local.get $size))',
  logCallSizes: () =>
    '(call $sayNumbers (local.get $size) (local.get $bodySize)) (call $sayNumber (local.get $trailers))',
  logCallStatus: (_, data) =>
    `${data.call('proxy_get_status', '(i32.const 8)', OUT)} (call $sayResult)
    (call $sayNumber (i32.load (i32.const 8)))`,
  asCaller: (_, data) =>
    data.call('proxy_set_effective_context', `(i32.load ${callerOf('(local.get $call)')})`),
};
