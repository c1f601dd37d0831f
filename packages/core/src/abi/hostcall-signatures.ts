/**
 * What a module may import under `env`: every hostcall of the spec's three versions, and the few
 * functions beyond it that cpp-host and Envoy have.
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1
 */
import { shorthand, type Signature } from './signature.js';
import { AbiVersion } from './types.js';

/** One function that a module may import. */
export interface ImportSignature {
  readonly signature: Signature;
  /** Versions that have it: a module for another version can't link to it. */
  readonly abiVersions: readonly AbiVersion[];
}

const { V0_1_0, V0_2_0, V0_2_1 } = AbiVersion;
const ALL = [V0_1_0, V0_2_0, V0_2_1];

/** Hostcalls answer a status; their parameters are `i` for i32 and `I` for i64. */
function hostcall(params: string, abiVersions: readonly AbiVersion[] = ALL): ImportSignature {
  return { signature: shorthand(params, 'i'), abiVersions };
}

/** By name, in the spec's order. */
export const HOSTCALL_SIGNATURES: Readonly<Record<string, ImportSignature>> = {
  // logging
  proxy_log: hostcall('iii'),
  proxy_get_log_level: hostcall('i', [V0_2_1]),
  // clocks, timers
  proxy_get_current_time_nanoseconds: hostcall('i'),
  proxy_set_tick_period_milliseconds: hostcall('i'),
  // configuration, status
  proxy_get_configuration: hostcall('ii', [V0_1_0]),
  proxy_get_status: hostcall('iii'),
  // properties
  proxy_get_property: hostcall('iiii'),
  proxy_set_property: hostcall('iiii'),
  // buffers
  proxy_get_buffer_bytes: hostcall('iiiii'),
  proxy_get_buffer_status: hostcall('iii'),
  proxy_set_buffer_bytes: hostcall('iiiii'),
  // header maps
  proxy_get_header_map_pairs: hostcall('iii'),
  proxy_set_header_map_pairs: hostcall('iii'),
  proxy_get_header_map_size: hostcall('ii'),
  proxy_get_header_map_value: hostcall('iiiii'),
  proxy_add_header_map_value: hostcall('iiiii'),
  proxy_replace_header_map_value: hostcall('iiiii'),
  proxy_remove_header_map_value: hostcall('iii'),
  // streams
  proxy_continue_request: hostcall('', [V0_1_0]),
  proxy_continue_response: hostcall('', [V0_1_0]),
  proxy_clear_route_cache: hostcall('', [V0_1_0]),
  proxy_continue_stream: hostcall('i', [V0_2_0, V0_2_1]),
  proxy_close_stream: hostcall('i', [V0_2_0, V0_2_1]),
  proxy_send_local_response: hostcall('iiiiiiii'),
  // upstream calls
  proxy_http_call: hostcall('iiiiiiiiii'),
  proxy_grpc_call: hostcall('iiiiiiiiiiii'),
  proxy_grpc_stream: hostcall('iiiiiiiii'),
  proxy_grpc_send: hostcall('iiii'),
  proxy_grpc_cancel: hostcall('i'),
  proxy_grpc_close: hostcall('i'),
  // shared data, shared queues
  proxy_get_shared_data: hostcall('iiiii'),
  proxy_set_shared_data: hostcall('iiiii'),
  proxy_register_shared_queue: hostcall('iii'),
  proxy_resolve_shared_queue: hostcall('iiiii'),
  proxy_enqueue_shared_queue: hostcall('iii'),
  proxy_dequeue_shared_queue: hostcall('iii'),
  // metrics
  proxy_define_metric: hostcall('iiii'),
  proxy_increment_metric: hostcall('iI'),
  proxy_record_metric: hostcall('iI'),
  proxy_get_metric: hostcall('ii'),
  // contexts
  proxy_set_effective_context: hostcall('i'),
  proxy_done: hostcall(''),
  // foreign functions
  proxy_call_foreign_function: hostcall('iiiiii'),
  // beyond the spec
  pthread_equal: hostcall('ii'),
  emscripten_notify_memory_growth: { signature: shorthand('i', ''), abiVersions: ALL },
  envoy_resolve_dns: hostcall('iii'),
};
