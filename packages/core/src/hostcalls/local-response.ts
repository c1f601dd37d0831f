import {
  isAllowedHeader,
  isConnectionHeader,
  toHeaderName,
  toHeaderValue,
} from '../abi/header-syntax.js';
import { decodePairs } from '../abi/pairs.js';
import { LogLevel, MapType, Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

const WHITESPACE = /[ \t\n\v\f\r]/g;

/**
 * Answers the request in the app's place, once the guest has returned.
 *
 * - `statusCode`: HTTP status
 * - `detailsPtr`, `detailsSize`: guest address and size of the reason: for logs and attributes,
 *   never sent; spaces become `_`
 * - `bodyPtr`, `bodySize`: guest address and size of the body; copied
 * - `headersPtr`, `headersSize`: guest address and size of additional headers, as pairs
 * - `grpcStatus`: gRPC status for a gRPC request, -1 for none
 *
 * Allowed in every callback; acts on the stream of the effective context. Without one: OK, and
 * nothing happens.
 *
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * Deviates: a status outside 200 to 999 becomes 500, and headers that HTTP does not allow (and
 * pseudo headers) are left out; both are logged. Envoy passes them on. Headers that belong to the
 * connection are left out too, as in `proxy_add_header_map_value`.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_send_local_response
 */
export function sendLocalResponse(vm: Vm) {
  const { memory } = vm;
  return (
    statusCode: number,
    detailsPtr: number,
    detailsSize: number,
    bodyPtr: number,
    bodySize: number,
    headersPtr: number,
    headersSize: number,
    grpcStatus: number,
  ): Status => {
    const details = memory.readUtf8(detailsPtr >>> 0, detailsSize >>> 0);
    const body = memory.copy(bodyPtr >>> 0, bodySize >>> 0);
    const pairs = memory.slice(headersPtr >>> 0, headersSize >>> 0);
    if (details === undefined || body === undefined || pairs === undefined) {
      return Status.INVALID_MEMORY_ACCESS;
    }
    vm.active.sendLocalResponse({
      statusCode: toStatusCode(vm, statusCode >>> 0),
      details: details.replace(WHITESPACE, '_'),
      body,
      headers: keepAllowed(vm, decodePairs(pairs, vm.limits)),
      grpcStatus: grpcStatus | 0,
    });
    return Status.OK;
  };
}

function toStatusCode(vm: Vm, statusCode: number): number {
  if (statusCode >= 200 && statusCode <= 999) return statusCode;
  const text = `local response with status ${String(statusCode)}, which HTTP does not have: 500 is sent`;
  vm.active.log(LogLevel.ERROR, text);
  return 500;
}

function keepAllowed(vm: Vm, entries: string[]): string[] {
  const headers: string[] = [];
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    const value = toHeaderValue(entries[index + 1] as string);
    // Trailers: the one kind of HTTP map in which no pseudo header is allowed.
    if (isAllowedHeader(MapType.HTTP_RESPONSE_TRAILERS, toHeaderName(name), value)) {
      if (!isConnectionHeader(name)) headers.push(name, value);
    } else {
      const text = `local response without the header ${JSON.stringify(name)}: not a valid one`;
      vm.active.log(LogLevel.ERROR, text);
    }
  }
  return headers;
}
