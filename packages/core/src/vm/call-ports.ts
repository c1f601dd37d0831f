/** What the hostcalls for upstreams ask of a plugin context. */
import type { GrpcRequest } from '../abi/grpc-call.js';
import type { HttpCallRequest } from '../abi/http-call.js';
import type { Status } from '../abi/types.js';

/** What starting a call came to; `id` counts only with OK. */
export interface CallStarted {
  readonly status: Status;
  readonly id: number;
}

/** A call that could not be started. */
export function notStarted(status: Status): CallStarted {
  return { status, id: 0 };
}

export interface HttpCallPort {
  start(upstream: string, request: HttpCallRequest): CallStarted;
}

export interface GrpcCallPort {
  /** @param upstream a name, or a serialized GrpcService */
  call(
    upstream: Uint8Array,
    request: GrpcRequest,
    message: Uint8Array,
    timeoutMs: number,
  ): CallStarted;
  stream(upstream: Uint8Array, request: GrpcRequest): CallStarted;
  send(id: number, message: Uint8Array, endOfStream: boolean): Status;
  cancel(id: number): Status;
  close(id: number): Status;
}

/** A plugin context's calls to upstreams. */
export interface UpstreamCallPorts {
  readonly http: HttpCallPort;
  readonly grpc: GrpcCallPort;
}
