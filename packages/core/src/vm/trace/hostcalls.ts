/** The parameters of what modules import, by name, in the order of the spec. */
import {
  BufferType,
  LogLevel,
  MapType,
  MetricType,
  Status,
  StreamType,
  WasiErrno,
} from '../../abi/types.js';
import {
  bytes,
  count,
  flag,
  givesBytes,
  givesCount,
  givesPairs,
  givesWide,
  iovecs,
  named,
  nameOf,
  pairs,
  path,
  signed,
  wide,
  type Parameter,
} from './parameters.js';
import type { TraceValue } from './tracer.js';

const buffer = named('buffer', BufferType);
const map = named('map', MapType);
const stream = named('stream', StreamType);
const upstreamCall = [bytes('upstream'), bytes('service'), bytes('method')];
const callId = count('call_id');

export const HOSTCALL_PARAMETERS: Readonly<Record<string, readonly Parameter[]>> = {
  proxy_log: [named('level', LogLevel), bytes('message')],
  proxy_get_log_level: [givesCount('level', LogLevel)],
  proxy_get_current_time_nanoseconds: [givesWide('time_ns')],
  proxy_set_tick_period_milliseconds: [count('period_ms')],
  proxy_get_configuration: [givesBytes('configuration')],
  proxy_get_status: [givesCount('code'), givesBytes('message')],
  proxy_get_property: [path('path'), givesBytes('value')],
  proxy_set_property: [path('path'), bytes('value')],
  proxy_get_buffer_bytes: [buffer, count('start'), count('max_size'), givesBytes('bytes')],
  proxy_get_buffer_status: [buffer, givesCount('size'), givesCount('flags')],
  proxy_set_buffer_bytes: [buffer, count('start'), count('size'), bytes('bytes')],
  proxy_get_header_map_pairs: [map, givesPairs('headers')],
  proxy_set_header_map_pairs: [map, pairs('headers')],
  proxy_get_header_map_size: [map, givesCount('size')],
  proxy_get_header_map_value: [map, bytes('key'), givesBytes('value')],
  proxy_add_header_map_value: [map, bytes('key'), bytes('value')],
  proxy_replace_header_map_value: [map, bytes('key'), bytes('value')],
  proxy_remove_header_map_value: [map, bytes('key')],
  proxy_continue_request: [],
  proxy_continue_response: [],
  proxy_clear_route_cache: [],
  proxy_continue_stream: [stream],
  proxy_close_stream: [stream],
  proxy_send_local_response: [
    ...[count('status'), bytes('details'), bytes('body'), pairs('headers')],
    signed('grpc_status'),
  ],
  proxy_http_call: [
    ...[bytes('upstream'), pairs('headers'), bytes('body'), pairs('trailers')],
    ...[count('timeout_ms'), givesCount('call_id')],
  ],
  proxy_grpc_call: [
    ...[...upstreamCall, pairs('initial_metadata'), bytes('message')],
    ...[count('timeout_ms'), givesCount('call_id')],
  ],
  proxy_grpc_stream: [...upstreamCall, pairs('initial_metadata'), givesCount('call_id')],
  proxy_grpc_send: [callId, bytes('message'), flag('end_of_stream')],
  proxy_grpc_cancel: [callId],
  proxy_grpc_close: [callId],
  proxy_get_shared_data: [bytes('key'), givesBytes('value'), givesCount('cas')],
  proxy_set_shared_data: [bytes('key'), bytes('value'), count('cas')],
  proxy_register_shared_queue: [bytes('queue'), givesCount('queue_id')],
  proxy_resolve_shared_queue: [bytes('vm_id'), bytes('queue'), givesCount('queue_id')],
  proxy_enqueue_shared_queue: [count('queue_id'), bytes('message')],
  proxy_dequeue_shared_queue: [count('queue_id'), givesBytes('message')],
  proxy_define_metric: [named('type', MetricType), bytes('metric'), givesCount('metric_id')],
  proxy_increment_metric: [count('metric_id'), wide('offset')],
  proxy_record_metric: [count('metric_id'), wide('value')],
  proxy_get_metric: [count('metric_id'), givesWide('value')],
  proxy_set_effective_context: [count('context_id')],
  proxy_done: [],
  proxy_call_foreign_function: [bytes('function'), bytes('argument'), givesBytes('result')],
  emscripten_notify_memory_growth: [count('memory')],
  // WASI: what filters use
  clock_time_get: [count('clock'), wide('precision'), givesWide('time_ns')],
  environ_sizes_get: [givesCount('count'), givesCount('size')],
  args_sizes_get: [givesCount('count'), givesCount('size')],
  fd_write: [count('fd'), iovecs('bytes'), givesCount('written')],
  proc_exit: [signed('code')],
};

/** Of an import's return value. */
export function describeResult(
  name: string,
  value: unknown,
  isWasi: boolean,
): TraceValue | undefined {
  if (typeof value === 'bigint') return Number(value);
  if (typeof value !== 'number') return undefined;
  if (isWasi) return nameOf(WasiErrno, value);
  return name.startsWith('proxy_') ? nameOf(Status, value) : value;
}
