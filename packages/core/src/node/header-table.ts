/**
 * Where a response keeps its headers. Node's own table is a dictionary, and to list one is a call
 * into V8's runtime: 0.4 µs, twice per response (filters are told how many headers there are, and
 * Node writes them). An object that V8 gives a shape is listed without.
 */
import { isHttp2, type NodeResponse } from './messages.js';
import { OUT_HEADERS } from './node-symbols.js';

/** Lower-case name to [name, value]. Inherits nothing, as Node's own. */
const HeaderTable = function () {
  // Empty: names come with the headers.
} as unknown as new () => object;
HeaderTable.prototype = Object.freeze(Object.create(null) as object);

/** Before the app sets headers: a response that has some keeps the table that it has. */
export function giveHeaderTable(res: NodeResponse): void {
  if (OUT_HEADERS === undefined || isHttp2(res)) return;
  const internals = res as unknown as Record<symbol, object | null>;
  if (internals[OUT_HEADERS] === null) internals[OUT_HEADERS] = new HeaderTable();
}
