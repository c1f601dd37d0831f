import { AbiVersion } from '../abi/types.js';
import type { HostServices } from '../services/host-services.js';
import type { Vm } from '../vm/vm.js';
import { getBufferBytes, getBufferStatus, setBufferBytes } from './buffers.js';
import { getCurrentTimeNanoseconds } from './clock.js';
import { getConfiguration } from './configuration.js';
import { done, setEffectiveContext } from './contexts.js';
import { emscriptenNotifyMemoryGrowth, pthreadEqual } from './emscripten.js';
import { callForeignFunction } from './foreign-functions.js';
import { grpcCall, grpcCancel, grpcClose, grpcSend, grpcStream } from './grpc-calls.js';
import {
  addHeaderMapValue,
  getHeaderMapPairs,
  getHeaderMapSize,
  getHeaderMapValue,
  removeHeaderMapValue,
  replaceHeaderMapValue,
  setHeaderMapPairs,
} from './header-maps.js';
import type { HostcallFactory } from './hostcall.js';
import { httpCall } from './http-calls.js';
import { sendLocalResponse } from './local-response.js';
import { getLogLevel, log } from './logging.js';
import { defineMetric, getMetric, incrementMetric, recordMetric } from './metrics.js';
import { notAllowed } from './not-allowed.js';
import { getProperty, setProperty } from './properties.js';
import { getSharedData, setSharedData } from './shared-data.js';
import {
  dequeueSharedQueue,
  enqueueSharedQueue,
  registerSharedQueue,
  resolveSharedQueue,
} from './shared-queues.js';
import { getStatus } from './status.js';
import {
  clearRouteCache,
  closeStream,
  continueRequest,
  continueResponse,
  continueStream,
} from './streams.js';
import { setTickPeriod } from './timers.js';

type HostcallTable = Readonly<Record<string, HostcallFactory>>;

/** In all ABI versions. */
const COMMON: HostcallTable = {
  proxy_log: log,
  proxy_get_current_time_nanoseconds: getCurrentTimeNanoseconds,
  proxy_set_tick_period_milliseconds: setTickPeriod,
  proxy_get_status: getStatus,
  proxy_get_property: getProperty,
  proxy_set_property: setProperty,
  proxy_get_buffer_bytes: getBufferBytes,
  proxy_get_buffer_status: getBufferStatus,
  proxy_set_buffer_bytes: setBufferBytes,
  proxy_get_header_map_pairs: getHeaderMapPairs,
  proxy_set_header_map_pairs: setHeaderMapPairs,
  proxy_get_header_map_size: getHeaderMapSize,
  proxy_get_header_map_value: getHeaderMapValue,
  proxy_add_header_map_value: addHeaderMapValue,
  proxy_replace_header_map_value: replaceHeaderMapValue,
  proxy_remove_header_map_value: removeHeaderMapValue,
  proxy_send_local_response: sendLocalResponse,
  proxy_http_call: httpCall,
  proxy_grpc_call: grpcCall,
  proxy_grpc_stream: grpcStream,
  proxy_grpc_send: grpcSend,
  proxy_grpc_cancel: grpcCancel,
  proxy_grpc_close: grpcClose,
  proxy_get_shared_data: getSharedData,
  proxy_set_shared_data: setSharedData,
  proxy_register_shared_queue: registerSharedQueue,
  proxy_resolve_shared_queue: resolveSharedQueue,
  proxy_enqueue_shared_queue: enqueueSharedQueue,
  proxy_dequeue_shared_queue: dequeueSharedQueue,
  proxy_define_metric: defineMetric,
  proxy_increment_metric: incrementMetric,
  proxy_record_metric: recordMetric,
  proxy_get_metric: getMetric,
  proxy_set_effective_context: setEffectiveContext,
  proxy_done: done,
  proxy_call_foreign_function: callForeignFunction,
};

const SINCE_0_2_0: HostcallTable = {
  proxy_continue_stream: continueStream,
  proxy_close_stream: closeStream,
};

/** What a version has beside {@link COMMON}. */
const BY_VERSION: Readonly<Record<AbiVersion, HostcallTable>> = {
  [AbiVersion.V0_1_0]: {
    proxy_get_configuration: getConfiguration,
    proxy_continue_request: continueRequest,
    proxy_continue_response: continueResponse,
    proxy_clear_route_cache: clearRouteCache,
  },
  [AbiVersion.V0_2_0]: SINCE_0_2_0,
  [AbiVersion.V0_2_1]: { ...SINCE_0_2_0, proxy_get_log_level: getLogLevel },
};

/** What toolchains expect in `env` whatever the ABI; capabilities do not restrict it. */
const TOOLCHAIN: HostcallTable = {
  pthread_equal: pthreadEqual,
  emscripten_notify_memory_growth: emscriptenNotifyMemoryGrowth,
};

/**
 * The `env` imports of a VM: the hostcalls of its ABI version. Those that its capabilities leave
 * out are there too, so that the module links, and answer INTERNAL_FAILURE.
 */
export function createEnvImports(
  vm: Vm,
  services: HostServices,
): Record<string, (...args: never[]) => unknown> {
  const imports: Record<string, (...args: never[]) => unknown> = {};
  const { abiVersion, allowed } = vm.identity;
  for (const [name, create] of Object.entries({ ...COMMON, ...BY_VERSION[abiVersion] })) {
    imports[name] = allowed(name) ? create(vm, services) : notAllowed(vm, name);
  }
  for (const [name, create] of Object.entries(TOOLCHAIN)) imports[name] = create(vm, services);
  return imports;
}

/** Whether modules of that version find a name in `env`. */
export function hasHostcall(name: string, abiVersion: AbiVersion): boolean {
  const tables = [COMMON, BY_VERSION[abiVersion], TOOLCHAIN];
  return tables.some((table) => Object.hasOwn(table, name));
}
