import { isMetadata, type GrpcRequest } from '../abi/grpc-call.js';
import { endToEnd } from '../abi/http-call.js';
import { decodePairs } from '../abi/pairs.js';
import { LogLevel, Status } from '../abi/types.js';
import type { CallStarted } from '../vm/call-ports.js';
import type { Vm } from '../vm/vm.js';

/** Beside what is about one connection: what gRPC itself sends. */
const MADE_HERE: ReadonlySet<string> = new Set(['content-type', 'host', 'te', 'user-agent']);

const PATH = /^[\x21-\x7e]+$/;

/**
 * Sends one message to a gRPC method, for one in return: `proxy_on_grpc_receive` where that came,
 * else `proxy_on_grpc_close` with the status. Neither comes inside this call.
 *
 * - `upstreamPtr`, `upstreamSize`: guest address and size of the upstream's name, or of a serialized
 *   `envoy.config.core.v3.GrpcService` that holds the name
 * - `servicePtr`, `serviceSize`, `methodPtr`, `methodSize`: guest address and size of their names
 * - `metadataPtr`, `metadataSize`: guest address and size of the initial metadata, as pairs; values
 *   of `-bin` names are base64
 * - `messagePtr`, `messageSize`: guest address and size of the message; copied
 * - `timeoutMs`: milliseconds; 0: none
 * - `returnCallIdPtr`: guest address of u32 that receives the call's id
 *
 * Allowed in every callback; the call is the plugin context's and outlives the stream.
 *
 * - PARSE_FAILURE: the upstream is neither a name in the options nor a GrpcService
 * - BAD_ARGUMENT: a GrpcService whose name is not in the options
 * - INTERNAL_FAILURE: the call could not be started (invalid metadata, service or method, an
 *   upstream that is a function, gRPC's package is missing), too many calls are in flight, or the
 *   plugin has ended. Rust's SDK panics on BAD_ARGUMENT, so that is kept for what Envoy has it for
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_call
 */
export function grpcCall(vm: Vm) {
  const { memory } = vm;
  return (
    upstreamPtr: number,
    upstreamSize: number,
    servicePtr: number,
    serviceSize: number,
    methodPtr: number,
    methodSize: number,
    metadataPtr: number,
    metadataSize: number,
    messagePtr: number,
    messageSize: number,
    timeoutMs: number,
    returnCallIdPtr: number,
  ): Status => {
    const { calls } = vm.active;
    const upstream = memory.copy(upstreamPtr >>> 0, upstreamSize >>> 0);
    const service = memory.readUtf8(servicePtr >>> 0, serviceSize >>> 0);
    const method = memory.readUtf8(methodPtr >>> 0, methodSize >>> 0);
    const metadata = memory.slice(metadataPtr >>> 0, metadataSize >>> 0);
    const message = memory.copy(messagePtr >>> 0, messageSize >>> 0);
    if (upstream === undefined || service === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (method === undefined || metadata === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (message === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (!memory.contains(returnCallIdPtr >>> 0, 4)) return Status.INVALID_MEMORY_ACCESS;
    if (calls === undefined) return Status.INTERNAL_FAILURE;
    const request = toRequest(vm, service, method, metadata);
    if (request === undefined) return Status.INTERNAL_FAILURE;
    const started = calls.grpc.call(upstream, request, message, timeoutMs >>> 0);
    return returnId(vm, started, returnCallIdPtr >>> 0);
  };
}

/**
 * Opens a gRPC stream. What comes is told one by one: initial metadata, messages, trailing metadata,
 * and last `proxy_on_grpc_close` with the status.
 *
 * - `upstreamPtr`, `upstreamSize`, `servicePtr`, `serviceSize`, `methodPtr`, `methodSize`,
 *   `metadataPtr`, `metadataSize`: as in `proxy_grpc_call`
 * - `returnStreamIdPtr`: guest address of u32 that receives the stream's id
 *
 * Allowed in every callback; the stream is the plugin context's.
 *
 * - PARSE_FAILURE, BAD_ARGUMENT, INTERNAL_FAILURE, INVALID_MEMORY_ACCESS: as in `proxy_grpc_call`
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_stream
 */
export function grpcStream(vm: Vm) {
  const { memory } = vm;
  return (
    upstreamPtr: number,
    upstreamSize: number,
    servicePtr: number,
    serviceSize: number,
    methodPtr: number,
    methodSize: number,
    metadataPtr: number,
    metadataSize: number,
    returnStreamIdPtr: number,
  ): Status => {
    const { calls } = vm.active;
    const upstream = memory.copy(upstreamPtr >>> 0, upstreamSize >>> 0);
    const service = memory.readUtf8(servicePtr >>> 0, serviceSize >>> 0);
    const method = memory.readUtf8(methodPtr >>> 0, methodSize >>> 0);
    const metadata = memory.slice(metadataPtr >>> 0, metadataSize >>> 0);
    if (upstream === undefined || service === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (method === undefined || metadata === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (!memory.contains(returnStreamIdPtr >>> 0, 4)) return Status.INVALID_MEMORY_ACCESS;
    if (calls === undefined) return Status.INTERNAL_FAILURE;
    const request = toRequest(vm, service, method, metadata);
    if (request === undefined) return Status.INTERNAL_FAILURE;
    return returnId(vm, calls.grpc.stream(upstream, request), returnStreamIdPtr >>> 0);
  };
}

/**
 * Sends a message on a gRPC stream.
 *
 * - `streamId`: the stream
 * - `messagePtr`, `messageSize`: guest address and size of the message; copied
 * - `endOfStream`: not 0: no more messages follow
 *
 * Allowed in every callback.
 *
 * - BAD_ARGUMENT: the id is not a stream's
 * - NOT_FOUND: no such stream, or one that the guest has closed
 * - INTERNAL_FAILURE: 16 MiB wait to be sent already
 * - INVALID_MEMORY_ACCESS: the message lies outside the memory
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_send
 */
export function grpcSend(vm: Vm) {
  const { memory } = vm;
  return (
    streamId: number,
    messagePtr: number,
    messageSize: number,
    endOfStream: number,
  ): Status => {
    const { calls } = vm.active;
    const message = memory.copy(messagePtr >>> 0, messageSize >>> 0);
    if (message === undefined) return Status.INVALID_MEMORY_ACCESS;
    return calls?.grpc.send(streamId >>> 0, message, endOfStream !== 0) ?? Status.NOT_FOUND;
  };
}

/**
 * Cancels a gRPC call or resets a stream. No callback comes for it any more.
 *
 * - `callId`: the call or stream
 *
 * Allowed in every callback.
 *
 * - BAD_ARGUMENT: the id is neither a call's nor a stream's
 * - NOT_FOUND: no such call or stream
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_cancel
 */
export function grpcCancel(vm: Vm) {
  return (callId: number): Status => vm.active.calls?.grpc.cancel(callId >>> 0) ?? Status.NOT_FOUND;
}

/**
 * Cancels a gRPC call, or says that no more messages follow on a stream: those of the other side
 * still arrive. After the other side has closed, the id is gone with it.
 *
 * - `callId`: the call or stream
 *
 * Allowed in every callback.
 *
 * - BAD_ARGUMENT: the id is neither a call's nor a stream's
 * - NOT_FOUND: no such call or stream
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_close
 */
export function grpcClose(vm: Vm) {
  return (callId: number): Status => vm.active.calls?.grpc.close(callId >>> 0) ?? Status.NOT_FOUND;
}

function toRequest(
  vm: Vm,
  service: string,
  method: string,
  pairs: Uint8Array,
): GrpcRequest | undefined {
  const path = `/${service}/${method}`;
  const metadata = endToEnd(decodePairs(pairs, vm.limits), MADE_HERE);
  if (PATH.test(path) && isMetadata(metadata)) return { path, metadata, authority: undefined };
  const text = `gRPC call of ${JSON.stringify(path)} refused: its path or metadata is not valid`;
  vm.active.log(LogLevel.WARN, text);
  return undefined;
}

function returnId(vm: Vm, { status, id }: CallStarted, returnPtr: number): Status {
  if (status === Status.OK) vm.memory.writeU32(returnPtr, id);
  return status;
}
