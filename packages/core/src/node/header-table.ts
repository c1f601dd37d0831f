/**
 * Where a response keeps its headers. Node's own table is a dictionary, and to list one is a call
 * into V8's runtime: 0.4 µs, twice per response (filters are told how many headers there are, and
 * Node writes them). An object that V8 gives a shape is listed without.
 */
import { ServerResponse, validateHeaderName, validateHeaderValue } from 'node:http';

import { isHttp2, type HeaderValue, type NodeResponse } from './messages.js';
import { OUT_HEADERS } from './node-symbols.js';

type Table = Record<string, readonly [name: string, value: HeaderValue]>;

/** Lower-case name to [name, value]. Inherits nothing, as Node's own. */
const HeaderTable = function () {
  // Empty: names come with the headers.
} as unknown as new () => Table;
HeaderTable.prototype = Object.freeze(Object.create(null) as object);

/** A response, by the symbol under which Node keeps its table; null: no header was set. */
type Internals = Record<symbol, Table | null | undefined>;

function tableOf(res: NodeResponse, symbol: symbol): Internals[symbol] {
  return (res as unknown as Internals)[symbol];
}

function setTable(res: NodeResponse, symbol: symbol, table: Table): void {
  (res as unknown as Internals)[symbol] = table;
}

/** Before the app sets headers: a response that has some keeps the table that it has. */
export function giveHeaderTable(res: NodeResponse): void {
  if (OUT_HEADERS === undefined || isHttp2(res)) return;
  if (tableOf(res, OUT_HEADERS) === null) setTable(res, OUT_HEADERS, new HeaderTable());
}

/** `res.getHeader` of a lower-case name, with none of its checks. */
export function headerOf(res: NodeResponse, name: string): HeaderValue | undefined {
  if (OUT_HEADERS === undefined || isHttp2(res)) return res.getHeader(name);
  return tableOf(res, OUT_HEADERS)?.[name]?.[1];
}

/** As {@link headerOf}: by a name that stands in the code, which V8 finds by the table's shape. */
export function contentLengthOf(res: NodeResponse): HeaderValue | undefined {
  if (OUT_HEADERS === undefined || isHttp2(res)) return res.getHeader('content-length');
  return tableOf(res, OUT_HEADERS)?.['content-length']?.[1];
}

export function announcesTrailers(res: NodeResponse): boolean {
  if (OUT_HEADERS === undefined || isHttp2(res)) return res.hasHeader('trailer');
  return tableOf(res, OUT_HEADERS)?.['trailer'] !== undefined;
}

// Always called with the response as `this`.
// eslint-disable-next-line @typescript-eslint/unbound-method
const nativeSetHeader = ServerResponse.prototype.setHeader;

/** Names that Node has accepted, to their lower-case forms: an app sends the same few for ever. */
const accepted = new Map<string, string>();
const ACCEPTED_NAMES = 256;

/**
 * `res.setHeader`, without checking again a name that it has accepted.
 *
 * @throws what Node's own throws on a name or value that it refuses
 */
export function setHeader(res: NodeResponse, name: string, value: string | string[]): void {
  const table = OUT_HEADERS === undefined ? undefined : tableOf(res, OUT_HEADERS);
  if (!(table instanceof HeaderTable) || res.setHeader !== nativeSetHeader || res.headersSent) {
    res.setHeader(name, value);
    return;
  }
  const lowerCase = accepted.get(name) ?? accept(name);
  validateHeaderValue(name, value as string);
  table[lowerCase] = [name, value];
}

function accept(name: string): string {
  validateHeaderName(name);
  const lowerCase = name.toLowerCase();
  if (accepted.size < ACCEPTED_NAMES) accepted.set(name, lowerCase);
  return lowerCase;
}

/**
 * `res.removeHeader` of a lower-case name. What Node deletes a property from becomes a dictionary:
 * the others get a table of their own instead, and Node finds nothing to delete.
 */
export function removeHeader(res: NodeResponse, name: string): void {
  if (OUT_HEADERS !== undefined && !isHttp2(res)) {
    const table = tableOf(res, OUT_HEADERS);
    if (table instanceof HeaderTable && table[name] !== undefined) {
      setTable(res, OUT_HEADERS, without(table, name));
    }
  }
  res.removeHeader(name);
}

function without(table: Table, removed: string): Table {
  const rest = new HeaderTable();
  for (const name in table) {
    if (name !== removed) rest[name] = table[name] as Table[string];
  }
  return rest;
}

export function hasHeaders(res: NodeResponse): boolean {
  if (OUT_HEADERS === undefined || isHttp2(res)) return res.getHeaderNames().length > 0;
  for (const _ in tableOf(res, OUT_HEADERS) ?? {}) return true;
  return false;
}

/** How many headers there are, those that repeat one by one. */
export function countHeaders(res: NodeResponse): number {
  let count = 0;
  if (OUT_HEADERS === undefined || isHttp2(res)) {
    const headers = res.getHeaders();
    for (const name in headers) count += countOf(headers[name]);
  } else {
    const table = tableOf(res, OUT_HEADERS);
    if (table != null) for (const name in table) count += countOf(table[name]?.[1]);
  }
  return count;
}

function countOf(value: HeaderValue | undefined): number {
  return Array.isArray(value) ? value.length : 1;
}
