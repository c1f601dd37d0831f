/** The guest's exports that this host calls, looked up once. `null`: not exported, never called. */

type Callback1 = (a: number) => number;
type Callback2 = (a: number, b: number) => number;
type Callback3 = (a: number, b: number, c: number) => number;

export interface Callbacks {
  readonly onContextCreate: Callback2 | null;
  readonly onVmStart: Callback2 | null;
  readonly onConfigure: Callback2 | null;
  readonly onTick: Callback1 | null;
  readonly onQueueReady: Callback2 | null;
  readonly onForeignFunction: Callback3 | null;
  readonly onNewConnection: Callback1 | null;
  readonly onDownstreamData: Callback3 | null;
  readonly onUpstreamData: Callback3 | null;
  readonly onDownstreamConnectionClose: Callback2 | null;
  readonly onUpstreamConnectionClose: Callback2 | null;
  readonly onRequestHeaders: Callback3 | null;
  readonly onRequestBody: Callback3 | null;
  readonly onRequestTrailers: Callback2 | null;
  readonly onResponseHeaders: Callback3 | null;
  readonly onResponseBody: Callback3 | null;
  readonly onResponseTrailers: Callback2 | null;
  readonly onHttpCallResponse: ((...values: number[]) => number) | null;
  readonly onGrpcReceiveInitialMetadata: Callback3 | null;
  readonly onGrpcReceive: Callback3 | null;
  readonly onGrpcReceiveTrailingMetadata: Callback3 | null;
  readonly onGrpcClose: Callback3 | null;
  readonly onDone: Callback1 | null;
  readonly onLog: Callback1 | null;
  readonly onDelete: Callback1 | null;
  /** Whether any callback for the request's body or trailers is there. */
  readonly seesRequestBody: boolean;
  /** Whether any callback that can see the response is there; `on_log` can read its head. */
  readonly seesResponse: boolean;
  /** Whether any callback for the response's body or trailers is there. */
  readonly seesResponseBody: boolean;
}

/** `allowed` is the capability check: a callback that is not allowed is as if not exported. */
export function findCallbacks(
  exports: WebAssembly.Exports,
  allowed: (name: string) => boolean = () => true,
): Callbacks {
  const find = (name: string): null | (() => never) => {
    const value = exports[name];
    return typeof value === 'function' && allowed(name) ? (value as () => never) : null;
  };
  const sees = (...names: string[]): boolean => names.some((name) => find(name) !== null);
  const responseBody = ['proxy_on_response_body', 'proxy_on_response_trailers'];
  return {
    onContextCreate: find('proxy_on_context_create'),
    onVmStart: find('proxy_on_vm_start'),
    onConfigure: find('proxy_on_configure'),
    onTick: find('proxy_on_tick'),
    onQueueReady: find('proxy_on_queue_ready'),
    onForeignFunction: find('proxy_on_foreign_function'),
    onNewConnection: find('proxy_on_new_connection'),
    onDownstreamData: find('proxy_on_downstream_data'),
    onUpstreamData: find('proxy_on_upstream_data'),
    onDownstreamConnectionClose: find('proxy_on_downstream_connection_close'),
    onUpstreamConnectionClose: find('proxy_on_upstream_connection_close'),
    onRequestHeaders: find('proxy_on_request_headers'),
    onRequestBody: find('proxy_on_request_body'),
    onRequestTrailers: find('proxy_on_request_trailers'),
    onResponseHeaders: find('proxy_on_response_headers'),
    onResponseBody: find('proxy_on_response_body'),
    onResponseTrailers: find('proxy_on_response_trailers'),
    onHttpCallResponse: find('proxy_on_http_call_response'),
    onGrpcReceiveInitialMetadata: find('proxy_on_grpc_receive_initial_metadata'),
    onGrpcReceive: find('proxy_on_grpc_receive'),
    onGrpcReceiveTrailingMetadata: find('proxy_on_grpc_receive_trailing_metadata'),
    onGrpcClose: find('proxy_on_grpc_close'),
    onDone: find('proxy_on_done'),
    onLog: find('proxy_on_log'),
    onDelete: find('proxy_on_delete'),
    seesRequestBody: sees('proxy_on_request_body', 'proxy_on_request_trailers'),
    seesResponse: sees('proxy_on_response_headers', 'proxy_on_log', ...responseBody),
    seesResponseBody: sees(...responseBody),
  };
}
