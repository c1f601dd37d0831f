import { Status, StreamType } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/**
 * Resumes a direction that the plugin paused, once the guest has returned. Nothing is paused: OK,
 * and nothing happens.
 *
 * - `streamType`: a StreamType
 *
 * Allowed in every callback; acts on the stream of the effective context.
 *
 * - BAD_ARGUMENT: unknown stream type
 *
 * Deviates: UPSTREAM resumes what the server sends on a TCP connection; Envoy answers UNIMPLEMENTED.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_continue_stream
 */
export function continueStream(vm: Vm) {
  return (streamType: number): Status => {
    if (streamType >>> 0 > StreamType.UPSTREAM) return Status.BAD_ARGUMENT;
    vm.active.continueStream(streamType);
    return Status.OK;
  };
}

/**
 * Ends the stream at once, once the guest has returned: HTTP streams are reset, TCP connections
 * closed after what was written.
 *
 * - `streamType`: a StreamType
 *
 * Allowed in every callback; acts on the stream of the effective context.
 *
 * - BAD_ARGUMENT: unknown stream type
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_close_stream
 */
export function closeStream(vm: Vm) {
  return (streamType: number): Status => {
    if (streamType >>> 0 > StreamType.UPSTREAM) return Status.BAD_ARGUMENT;
    vm.active.closeStream(streamType);
    return Status.OK;
  };
}

/**
 * Resumes the request, as {@link continueStream} does. ABI 0.1.0 only.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.1.0#proxy_continue_request
 */
export function continueRequest(vm: Vm) {
  return (): Status => {
    vm.active.continueStream(StreamType.HTTP_REQUEST);
    return Status.OK;
  };
}

/**
 * Resumes the response, as {@link continueStream} does. ABI 0.1.0 only.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.1.0#proxy_continue_response
 */
export function continueResponse(vm: Vm) {
  return (): Status => {
    vm.active.continueStream(StreamType.HTTP_RESPONSE);
    return Status.OK;
  };
}

/**
 * Forgets the route that was chosen for the request. Here none is kept: the app's router looks at
 * the request when the filters have let it pass. So always OK. ABI 0.1.0 only.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.1.0#proxy_clear_route_cache
 */
export function clearRouteCache(vm: Vm) {
  return (): Status => {
    vm.active.ensureUnrestricted();
    return Status.OK;
  };
}
