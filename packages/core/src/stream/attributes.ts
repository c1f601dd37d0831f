/**
 * The attributes `request.*` and `response.*`, from an exchange's maps and counters alone. What
 * belongs to the connection and to TLS is the adapter kit's; what nobody knows is absent.
 * @see https://www.envoyproxy.io/docs/envoy/latest/intro/arch_overview/advanced/attributes
 */
import { textOfLatin1 } from '../abi/property-value.js';
import type { HeaderMap, PropertyValue } from '../vm/context.js';
import { grpcStatusOfHttp, isGrpcStatus } from './grpc-status.js';

/** What an exchange knows about itself. Undefined: not known, or not yet. */
export interface ExchangeFacts {
  readonly requestHeaders: HeaderMap | undefined;
  readonly responseHeaders: HeaderMap | undefined;
  readonly responseTrailers: HeaderMap | undefined;
  /** `HTTP/1.0`, `HTTP/1.1`, `HTTP/2`. */
  readonly protocol: string | undefined;
  /** When the request's first byte came (or the nearest that is known), since the Unix epoch. */
  readonly startTimeNs: bigint | undefined;
  /** From the first byte to the end; undefined until the exchange is complete. */
  readonly durationNs: bigint | undefined;
  /** From the first byte sent to an upstream to the last one received, where there is one. */
  readonly backendLatencyNs: bigint | undefined;
  /** Body bytes received from the client so far. */
  readonly requestBodyBytes: number;
  /** Body bytes sent to the client so far. */
  readonly responseBodyBytes: number;
  /** Who answered, and why: `via_upstream`, a local response's details. */
  readonly responseCodeDetails: string | undefined;
  /** Envoy's bit vector of response flags. */
  readonly responseFlags: number | undefined;
}

type Attribute = (facts: ExchangeFacts) => PropertyValue | undefined;

/** An attribute that is the request header of that name: its first value. */
const requestHeader =
  (name: string): Attribute =>
  ({ requestHeaders }) =>
    textOf(requestHeaders?.get(name));

const REQUEST: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ['path', requestHeader(':path')],
  ['url_path', (facts) => textOf(splitPath(facts)?.[0])],
  ['query', (facts) => textOf(splitPath(facts)?.[1])],
  ['host', requestHeader(':authority')],
  ['scheme', requestHeader(':scheme')],
  ['method', requestHeader(':method')],
  ['referer', requestHeader('referer')],
  ['useragent', requestHeader('user-agent')],
  ['id', requestHeader('x-request-id')],
  ['headers', ({ requestHeaders }) => joinedValues(requestHeaders)],
  ['headers_bytes', ({ requestHeaders }) => sizeBytes(requestHeaders)],
  ['time', ({ startTimeNs }) => startTimeNs],
  ['duration', ({ durationNs }) => durationNs],
  ['protocol', ({ protocol }) => protocol],
  ['size', requestSize],
  [
    'total_size',
    ({ requestHeaders, requestBodyBytes }) => requestBodyBytes + sizeBytes(requestHeaders),
  ],
]);

const RESPONSE: ReadonlyMap<string, Attribute> = new Map<string, Attribute>([
  ['code', responseCode],
  ['code_details', ({ responseCodeDetails }) => responseCodeDetails],
  ['flags', ({ responseFlags }) => responseFlags],
  ['grpc_status', grpcStatus],
  ['headers', ({ responseHeaders }) => joinedValues(responseHeaders)],
  ['trailers', ({ responseTrailers }) => joinedValues(responseTrailers)],
  ['headers_bytes', ({ responseHeaders }) => sizeBytes(responseHeaders)],
  ['size', ({ responseBodyBytes }) => responseBodyBytes],
  [
    'total_size',
    ({ responseHeaders, responseTrailers, responseBodyBytes }) =>
      responseBodyBytes + sizeBytes(responseHeaders) + sizeBytes(responseTrailers),
  ],
  ['backend_latency', ({ backendLatencyNs }) => backendLatencyNs],
]);

const ATTRIBUTES = new Map([
  ['request', REQUEST],
  ['response', RESPONSE],
]);

/** `request.headers.<name>` and its like. */
const MAPS = new Map<string, (facts: ExchangeFacts) => HeaderMap | undefined>([
  ['request.headers', ({ requestHeaders }) => requestHeaders],
  ['response.headers', ({ responseHeaders }) => responseHeaders],
  ['response.trailers', ({ responseTrailers }) => responseTrailers],
]);

/** An attribute of the exchange; undefined: not one of these, or not known now. */
export function exchangeAttribute(
  facts: ExchangeFacts,
  path: readonly string[],
): PropertyValue | undefined {
  const [top = '', name = '', key] = path;
  if (key === undefined) return ATTRIBUTES.get(top)?.get(name)?.(facts);
  if (path.length > 3) return undefined;
  const values = MAPS.get(`${top}.${name}`)?.(facts)?.values(key.toLowerCase());
  return values === undefined || values.length === 0 ? undefined : textOf(values.join(','));
}

/** Header values are bytes, one per character. */
function textOf(value: string | undefined): PropertyValue | undefined {
  return value === undefined ? undefined : textOfLatin1(value);
}

/** Path and query of `:path`; the query without `?`, '' where there is none. */
function splitPath({ requestHeaders }: ExchangeFacts): readonly [string, string] | undefined {
  const path = requestHeaders?.get(':path');
  if (path === undefined) return undefined;
  const at = path.indexOf('?');
  if (at < 0) return [path, ''];
  const query = path.slice(at + 1);
  const fragmentAt = query.indexOf('#');
  return [path.slice(0, at), fragmentAt < 0 ? query : query.slice(0, fragmentAt)];
}

function joinedValues(map: HeaderMap | undefined): PropertyValue | undefined {
  if (map === undefined) return undefined;
  const joined = new Map<string, string>();
  const entries = map.entries();
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    const value = entries[index + 1] as string;
    const before = joined.get(name);
    joined.set(name, before === undefined ? value : `${before},${value}`);
  }
  // fromEntries: a header may be called __proto__, which an assignment would not store.
  return Object.fromEntries([...joined].map(([name, value]) => [name, textOfLatin1(value)]));
}

/** Names and values, as Envoy counts them. */
function sizeBytes(map: HeaderMap | undefined): number {
  let size = 0;
  if (map !== undefined) for (const text of map.entries()) size += text.length;
  return size;
}

const DECIMAL = /^\d+$/;

/** What `content-length` says; without one, the bytes so far; an invalid one tells nothing. */
function requestSize({ requestHeaders, requestBodyBytes }: ExchangeFacts): number | undefined {
  const declared = requestHeaders?.get('content-length');
  if (declared === undefined) return requestBodyBytes;
  return DECIMAL.test(declared) ? Number(declared) : undefined;
}

function responseCode({ responseHeaders }: ExchangeFacts): number | undefined {
  const code = responseHeaders?.get(':status');
  return code === undefined || !DECIMAL.test(code) ? undefined : Number(code);
}

const GRPC_INVALID = -1;

/** Of the trailers, else of the headers, else what the HTTP status means in gRPC. */
function grpcStatus(facts: ExchangeFacts): number | undefined {
  const text = grpcStatusIn(facts.responseTrailers) ?? grpcStatusIn(facts.responseHeaders);
  if (text !== undefined) {
    return DECIMAL.test(text) && isGrpcStatus(Number(text)) ? Number(text) : GRPC_INVALID;
  }
  const code = responseCode(facts);
  return code === undefined ? undefined : grpcStatusOfHttp(code);
}

function grpcStatusIn(map: HeaderMap | undefined): string | undefined {
  const text = map?.get('grpc-status');
  return text === '' ? undefined : text;
}
