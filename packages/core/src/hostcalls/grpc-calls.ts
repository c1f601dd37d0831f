import { unimplemented } from './unimplemented.js';

/**
 * Sends one gRPC message, for one in return.
 *
 * - UNIMPLEMENTED: always; gRPC calls and streams to upstreams are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_call
 */
export const grpcCall = unimplemented('proxy_grpc_call');

/**
 * Opens a gRPC stream.
 *
 * - UNIMPLEMENTED: always; gRPC calls and streams to upstreams are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_stream
 */
export const grpcStream = unimplemented('proxy_grpc_stream');

/**
 * Sends a message on a gRPC stream.
 *
 * - UNIMPLEMENTED: always; gRPC calls and streams to upstreams are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_send
 */
export const grpcSend = unimplemented('proxy_grpc_send');

/**
 * Cancels a gRPC call or resets a stream.
 *
 * - UNIMPLEMENTED: always; gRPC calls and streams to upstreams are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_cancel
 */
export const grpcCancel = unimplemented('proxy_grpc_cancel');

/**
 * Cancels a gRPC call or half-closes a stream.
 *
 * - UNIMPLEMENTED: always; gRPC calls and streams to upstreams are not built yet
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_grpc_close
 */
export const grpcClose = unimplemented('proxy_grpc_close');
