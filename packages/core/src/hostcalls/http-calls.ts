import { areAllowedHeaders } from '../abi/header-syntax.js';
import { endToEnd, type HttpCallRequest } from '../abi/http-call.js';
import { decodePairs } from '../abi/pairs.js';
import { LogLevel, MapType, Status } from '../abi/types.js';
import type { Vm } from '../vm/vm.js';

/** Beside what is about one connection: what the host makes itself. */
const MADE_HERE: ReadonlySet<string> = new Set([
  ':method',
  ':path',
  ':authority',
  ':scheme',
  ':protocol',
  'content-length',
  'expect',
  'host',
  'te',
  'trailer',
]);

const MAX_TIMEOUT_MS = 0x7fff_ffff;

/**
 * Sends a request to an upstream. The response comes in `proxy_on_http_call_response`, on the
 * plugin context, never inside this call. A failure before it began is a response too (503, 504);
 * one after that is a callback with zero headers.
 *
 * - `upstreamPtr`, `upstreamSize`: guest address and size of the upstream's name
 * - `headersPtr`, `headersSize`: guest address and size of the headers, as pairs; `:method`, `:path`
 *   and `:authority` must be among them
 * - `bodyPtr`, `bodySize`: guest address and size of the body; copied
 * - `trailersPtr`, `trailersSize`: guest address and size of the trailers, as pairs
 * - `timeoutMs`: for the whole call, milliseconds; 0: none
 * - `returnCallIdPtr`: guest address of u32 that receives the call's id; 0 where the call fails
 *
 * Allowed in every callback; the call is the plugin context's and outlives the stream.
 *
 * - BAD_ARGUMENT: a timeout of 2^31 ms or more, an upstream that is not named in the options, one of
 *   the three headers missing, a header or trailer that HTTP does not allow, the method CONNECT
 * - INTERNAL_FAILURE: the request could not be started, too many calls are in flight, or the plugin
 *   has ended
 * - INVALID_MEMORY_ACCESS: an address lies outside the memory
 *
 * Deviates: invalid names and values are refused, and so is CONNECT, which has no response that
 * could be told. Envoy takes them.
 *
 * @see https://github.com/proxy-wasm/spec/tree/main/abi-versions/v0.2.1#proxy_http_call
 */
export function httpCall(vm: Vm) {
  const { memory } = vm;
  return (
    upstreamPtr: number,
    upstreamSize: number,
    headersPtr: number,
    headersSize: number,
    bodyPtr: number,
    bodySize: number,
    trailersPtr: number,
    trailersSize: number,
    timeoutMs: number,
    returnCallIdPtr: number,
  ): Status => {
    const { calls } = vm.active;
    const upstream = memory.readUtf8(upstreamPtr >>> 0, upstreamSize >>> 0);
    const headers = memory.slice(headersPtr >>> 0, headersSize >>> 0);
    const body = memory.copy(bodyPtr >>> 0, bodySize >>> 0);
    const trailers = memory.slice(trailersPtr >>> 0, trailersSize >>> 0);
    if (upstream === undefined || headers === undefined) return Status.INVALID_MEMORY_ACCESS;
    if (body === undefined || trailers === undefined) return Status.INVALID_MEMORY_ACCESS;
    // As in Envoy: 0 now, which also shows that it can be written.
    if (!memory.writeU32(returnCallIdPtr >>> 0, 0)) return Status.INVALID_MEMORY_ACCESS;
    if (calls === undefined) return Status.INTERNAL_FAILURE;
    const request = toRequest(
      decodePairs(headers, vm.limits),
      body,
      decodePairs(trailers, vm.limits),
      timeoutMs >>> 0,
    );
    if (typeof request === 'string') {
      vm.active.log(LogLevel.WARN, `HTTP call to upstream "${upstream}" refused: ${request}`);
      return Status.BAD_ARGUMENT;
    }
    const { status, id } = calls.http.start(upstream, request);
    if (status === Status.OK) memory.writeU32(returnCallIdPtr >>> 0, id);
    return status;
  };
}

/** The request, or what is wrong with it. */
function toRequest(
  headers: readonly string[],
  body: Uint8Array,
  trailers: readonly string[],
  timeoutMs: number,
): HttpCallRequest | string {
  const method = valueOf(headers, ':method');
  const path = valueOf(headers, ':path');
  const authority = valueOf(headers, ':authority');
  if (timeoutMs > MAX_TIMEOUT_MS) return 'the timeout is not below 2^31 ms';
  if (method === undefined) return 'there is no :method';
  if (path === undefined) return 'there is no :path';
  if (authority === undefined) return 'there is no :authority';
  if (!areAllowedHeaders(MapType.HTTP_REQUEST_HEADERS, headers)) return 'a header is not valid';
  if (!areAllowedHeaders(MapType.HTTP_REQUEST_TRAILERS, trailers)) return 'a trailer is not valid';
  if (method.toUpperCase() === 'CONNECT') return 'CONNECT is no request that has a response';
  const kept = endToEnd(headers, MADE_HERE);
  return { method, path, authority, headers: kept, body, trailers, timeoutMs };
}

/** Of the first header of that name. */
function valueOf(entries: readonly string[], name: string): string | undefined {
  for (let index = 0; index < entries.length; index += 2) {
    if (entries[index] === name) return entries[index + 1];
  }
  return undefined;
}
