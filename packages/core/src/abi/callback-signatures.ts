/** What a module may export for a host: how it is started, its allocator, and its callbacks. */
import { shorthand, type Signature } from './signature.js';
import { AbiVersion } from './types.js';

/** A callback's signatures by letters (`i` for i32): parameters, then results. */
function callback(params: string, results = ''): readonly Signature[] {
  return [shorthand(params, results)];
}

/**
 * How a module is started and how it lends memory.
 * @see abi.md 2.1
 */
const INTEGRATION_SIGNATURES: Readonly<Record<string, readonly Signature[]>> = {
  _initialize: callback(''),
  _start: callback(''),
  main: callback('ii', 'i'),
  __main_void: callback('', 'i'),
  malloc: callback('i', 'i'),
  proxy_on_memory_allocate: callback('i', 'i'),
};

const HEADERS = callback('iii', 'i');

/** The spec gives header callbacks of 0.1.0 two parameters; SDKs of that time exported three. */
const HEADERS_0_1_0 = [...callback('ii', 'i'), ...HEADERS];

/**
 * Callbacks by name, all optional.
 * @see abi.md 2.2
 */
export const CALLBACK_SIGNATURES: Readonly<Record<string, readonly Signature[]>> = {
  proxy_on_context_create: callback('ii'),
  proxy_on_vm_start: callback('ii', 'i'),
  proxy_validate_configuration: callback('ii', 'i'),
  proxy_on_configure: callback('ii', 'i'),
  proxy_on_tick: callback('i'),
  proxy_on_queue_ready: callback('ii'),
  proxy_on_foreign_function: callback('iii'),
  proxy_on_new_connection: callback('i', 'i'),
  proxy_on_downstream_data: callback('iii', 'i'),
  proxy_on_upstream_data: callback('iii', 'i'),
  proxy_on_downstream_connection_close: callback('ii'),
  proxy_on_upstream_connection_close: callback('ii'),
  proxy_on_request_headers: HEADERS,
  proxy_on_request_body: callback('iii', 'i'),
  proxy_on_request_trailers: callback('ii', 'i'),
  proxy_on_request_metadata: callback('ii', 'i'),
  proxy_on_response_headers: HEADERS,
  proxy_on_response_body: callback('iii', 'i'),
  proxy_on_response_trailers: callback('ii', 'i'),
  proxy_on_response_metadata: callback('ii', 'i'),
  proxy_on_http_call_response: callback('iiiii'),
  proxy_on_grpc_receive_initial_metadata: callback('iii'),
  proxy_on_grpc_receive: callback('iii'),
  proxy_on_grpc_receive_trailing_metadata: callback('iii'),
  proxy_on_grpc_close: callback('iii'),
  proxy_on_done: callback('i', 'i'),
  proxy_on_log: callback('i'),
  proxy_on_delete: callback('i'),
  envoy_on_resolve_dns: callback('iii'),
  envoy_on_stats_update: callback('ii'),
};

const HEADER_CALLBACKS: readonly string[] = [
  'proxy_on_request_headers',
  'proxy_on_response_headers',
];

/**
 * The signatures that an export must have one of in a module of that version; undefined: any.
 * How a module starts is checked only where the host `called` it: a `main` that nobody calls may
 * look as it likes.
 */
export function exportSignatures(
  name: string,
  version: AbiVersion | undefined,
  called: boolean,
): readonly Signature[] | undefined {
  if (version === AbiVersion.V0_1_0 && HEADER_CALLBACKS.includes(name)) return HEADERS_0_1_0;
  if (Object.hasOwn(CALLBACK_SIGNATURES, name)) return CALLBACK_SIGNATURES[name];
  return called && Object.hasOwn(INTEGRATION_SIGNATURES, name)
    ? INTEGRATION_SIGNATURES[name]
    : undefined;
}
