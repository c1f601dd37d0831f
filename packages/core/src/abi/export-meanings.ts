/** In a line each, what the exports are for that the spec and the toolchains know. */

/** Functions, by name, in the spec's order. */
export const EXPORT_MEANINGS: Readonly<Record<string, string>> = {
  proxy_abi_version_0_1_0: 'says that the module speaks ABI 0.1.0',
  proxy_abi_version_0_2_0: 'says that the module speaks ABI 0.2.0',
  proxy_abi_version_0_2_1: 'says that the module speaks ABI 0.2.1',
  // integration
  _initialize: 'starts the module, before anything else',
  _start: 'starts the module, before anything else',
  main: 'the program’s main function, after _initialize',
  __main_void: 'the program’s main function, after _initialize',
  malloc: 'lends memory, for what the host hands over',
  proxy_on_memory_allocate: 'lends memory, for what the host hands over',
  // contexts
  proxy_on_context_create: 'a plugin, or a stream of it, begins',
  proxy_on_done: 'a plugin or a stream is over; may ask for more time',
  proxy_on_log: 'a stream is over: the last look at its headers and properties',
  proxy_on_delete: 'a plugin or a stream is forgotten',
  // configuration
  proxy_on_vm_start: 'the VM has started; reads the VM’s configuration',
  proxy_validate_configuration: 'checks a plugin’s configuration',
  proxy_on_configure: 'reads the plugin’s configuration, and takes or refuses it',
  // timers, queues, foreign functions
  proxy_on_tick: 'the period that the plugin has set is over',
  proxy_on_queue_ready: 'a shared queue has a message',
  proxy_on_foreign_function: 'a foreign function has answered',
  // TCP
  proxy_on_new_connection: 'a client has connected',
  proxy_on_downstream_data: 'bytes from the client',
  proxy_on_downstream_connection_close: 'the client’s connection is closed',
  proxy_on_upstream_data: 'bytes from the upstream',
  proxy_on_upstream_connection_close: 'the upstream’s connection is closed',
  // HTTP
  proxy_on_request_headers: 'the request’s headers are there',
  proxy_on_request_body: 'a piece of the request’s body is there',
  proxy_on_request_trailers: 'the request’s trailers are there',
  proxy_on_request_metadata: 'Envoy’s metadata of the request is there',
  proxy_on_response_headers: 'the response’s headers are there',
  proxy_on_response_body: 'a piece of the response’s body is there',
  proxy_on_response_trailers: 'the response’s trailers are there',
  proxy_on_response_metadata: 'Envoy’s metadata of the response is there',
  // calls to upstreams
  proxy_on_http_call_response: 'an HTTP call has been answered, or has failed',
  proxy_on_grpc_receive_initial_metadata: 'a gRPC call’s first metadata has come',
  proxy_on_grpc_receive: 'a gRPC message has come',
  proxy_on_grpc_receive_trailing_metadata: 'a gRPC call’s last metadata has come',
  proxy_on_grpc_close: 'a gRPC call is over',
  // Envoy's own
  envoy_on_resolve_dns: 'a name has been resolved',
  envoy_on_stats_update: 'Envoy’s statistics have changed',
};

/** What a host has an export for; undefined: neither the spec nor a toolchain that we know says. */
export function exportMeaning(name: string, kind: string): string | undefined {
  if (kind === 'memory') return 'what guest and host exchange bytes through';
  if (kind !== 'function' || !Object.hasOwn(EXPORT_MEANINGS, name)) return undefined;
  return EXPORT_MEANINGS[name];
}
