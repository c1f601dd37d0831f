/** The parameters and results of what the host calls, by name, in the order of the spec. */
import { DataStatus, HeadersStatus, PeerType, TrailersStatus } from '../../abi/types.js';
import { count, flag, named, nameOf, type Parameter } from './parameters.js';
import type { TraceValue } from './tracer.js';

interface TracedCallback {
  /** After the context's id, which each has first. */
  readonly parameters: readonly Parameter[];
  /** undefined: it returns nothing. */
  readonly result?: (value: number) => TraceValue;
}

const NewConnectionStatus = { CONTINUE: 0, STOP_ITERATION: 1 } as const;
const size = count('size');
const endOfStream = flag('end_of_stream');
const callId = count('call_id');
const named_ =
  (names: Readonly<Record<string, number>>) =>
  (value: number): TraceValue =>
    nameOf(names, value);
const yesOrNo = (value: number): boolean => value !== 0;
const headers = { parameters: [count('num_headers'), endOfStream], result: named_(HeadersStatus) };
const body = { parameters: [size, endOfStream], result: named_(DataStatus) };
const trailers = { parameters: [count('num_trailers')], result: named_(TrailersStatus) };
const data = { parameters: [size, endOfStream], result: named_(NewConnectionStatus) };
const closed = { parameters: [named('by', PeerType)] };

export const CALLBACKS: Readonly<Record<string, TracedCallback>> = {
  proxy_on_context_create: { parameters: [count('parent_context_id')] },
  proxy_on_vm_start: { parameters: [count('configuration_size')], result: yesOrNo },
  proxy_on_configure: { parameters: [count('configuration_size')], result: yesOrNo },
  proxy_on_tick: { parameters: [] },
  proxy_on_queue_ready: { parameters: [count('queue_id')] },
  proxy_on_foreign_function: { parameters: [callId, size] },
  proxy_on_new_connection: { parameters: [], result: named_(NewConnectionStatus) },
  proxy_on_downstream_data: data,
  proxy_on_upstream_data: data,
  proxy_on_downstream_connection_close: closed,
  proxy_on_upstream_connection_close: closed,
  proxy_on_request_headers: headers,
  proxy_on_request_body: body,
  proxy_on_request_trailers: trailers,
  proxy_on_response_headers: headers,
  proxy_on_response_body: body,
  proxy_on_response_trailers: trailers,
  proxy_on_http_call_response: {
    parameters: [callId, count('num_headers'), count('body_size'), count('num_trailers')],
  },
  proxy_on_grpc_receive_initial_metadata: { parameters: [callId, count('num_elements')] },
  proxy_on_grpc_receive: { parameters: [callId, size] },
  proxy_on_grpc_receive_trailing_metadata: { parameters: [callId, count('num_elements')] },
  proxy_on_grpc_close: { parameters: [callId, count('status')] },
  proxy_on_done: { parameters: [], result: yesOrNo },
  proxy_on_log: { parameters: [] },
  proxy_on_delete: { parameters: [] },
};

/** How a module is started: no context's. */
export const ENTRY_POINTS: ReadonlySet<string> = new Set([
  ...['_initialize', '_start', 'main', '__main_void'],
]);
