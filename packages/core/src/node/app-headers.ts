/**
 * What handlers before a filter did to `req.headers`: the filter sees it, as what comes after those
 * handlers does.
 */
import {
  INVALID_VALUE,
  isPseudoHeader,
  toHeaderName,
  toHeaderValue,
} from '../abi/header-syntax.js';
import { isSameHeaderName, type HeaderList } from '../stream/header-list.js';
import { addHeaderLine, isHttp2, isInjected, type NodeRequest } from './messages.js';
import { HEADERS, HEADERS_COUNT, KNOWS_HEADERS } from './node-symbols.js';

type Headers = Record<string, unknown>;

/** Framing is Node's business: what the app is shown of it may be made for body parsers. */
const NOT_ADOPTED = new Set(['content-length', 'transfer-encoding']);

/** Brings the list, which is Node's `rawHeaders`, in step with `req.headers`. */
export function adoptHeaders(req: NodeRequest, list: HeaderList): void {
  const headers = builtHeaders(req);
  if (headers === undefined || isUntouched(headers, req.rawHeaders)) return;
  const raw = isHttp2(req) ? joinedHeaders(list) : nodeHeaders(req);
  for (const name of Object.keys(headers)) {
    if (!same(headers[name], raw[name])) adopt(list, name, headers[name]);
  }
  for (const name of Object.keys(raw)) {
    if (!Object.hasOwn(headers, name)) adopt(list, name, undefined);
  }
}

/**
 * Whether the two say the same at a glance: same names in the same order, same values. Node itself
 * builds `headers` for every request, so this runs for every request; where a name repeats it says
 * no, and the look is a longer one.
 */
function isUntouched(headers: Headers, rawHeaders: readonly string[]): boolean {
  let index = 0;
  for (const name in headers) {
    const raw = rawHeaders[index];
    if (raw === undefined || !isSameHeaderName(raw, name)) return false;
    if (headers[name] !== rawHeaders[index + 1]) return false;
    index += 2;
  }
  return index === rawHeaders.length;
}

/** Undefined where nobody has asked for them: then nobody has changed them either. */
function builtHeaders(req: NodeRequest): Headers | undefined {
  if (isHttp2(req) || isInjected(req) || !KNOWS_HEADERS) return req.headers;
  return (req as unknown as Record<symbol, Headers | null>)[HEADERS as symbol] ?? undefined;
}

function adopt(list: HeaderList, name: string, value: unknown): void {
  if (NOT_ADOPTED.has(name) || isPseudoHeader(name) || toHeaderName(name) !== name) return;
  const values = (Array.isArray(value) ? value : [value]).filter((one) => one != null).map(String);
  // Not what HTTP can carry: the guest could not be given it.
  if (values.some((one) => toHeaderValue(one) === INVALID_VALUE)) return;
  list.remove(name);
  for (const one of values) list.add(name, one);
}

/** As Node would build them from `rawHeaders` now. */
function nodeHeaders(req: NodeRequest): Headers {
  const { rawHeaders } = req;
  const headers: Headers = {};
  const count = countedHeaders(req);
  for (let index = 0; index < count; index += 2) {
    addHeaderLine(req, rawHeaders[index] as string, rawHeaders[index + 1] as string, headers);
  }
  return headers;
}

/** How much of `rawHeaders` Node takes for `headers`: of very many lines, only the first. */
function countedHeaders(req: NodeRequest): number {
  const { length } = req.rawHeaders;
  if (isInjected(req) || !KNOWS_HEADERS) return length;
  const count = (req as unknown as Record<symbol, number>)[HEADERS_COUNT as symbol];
  return Math.min(count ?? length, length);
}

/** As HTTP/2's compatibility API builds them. */
function joinedHeaders(list: HeaderList): Headers {
  const headers: Headers = {};
  const entries = list.entries();
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    if (isPseudoHeader(name) || Object.hasOwn(headers, name)) continue;
    const values = list.values(name);
    headers[name] = name === 'set-cookie' ? values : values.join(name === 'cookie' ? '; ' : ', ');
  }
  return headers;
}

function same(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (!Array.isArray(one) || !Array.isArray(other)) return false;
  return one.length === other.length && one.every((value, index) => value === other[index]);
}
