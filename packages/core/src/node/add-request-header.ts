import { isHttp2, isInjected, type NodeRequest, type ServerRequest } from './messages.js';
import { HEADERS_COUNT, KNOWS_HEADERS } from './node-symbols.js';

/**
 * Adds a header that the client has not sent, as if it had: filters, and what comes after them, see
 * it with the others. For servers on HTTP/1 that have a say before any filter.
 *
 * @param name lower case, and not in `req.headers` yet
 */
export function addRequestHeader(req: ServerRequest, name: string, value: string): void {
  const { headers, rawHeaders } = req;
  headers[name] = value;
  rawHeaders.push(name, value);
  if (KNOWS_HEADERS && !isHttp2(req as NodeRequest) && !isInjected(req as NodeRequest)) {
    // What Node builds of the list later, it builds of so many entries.
    (req as unknown as Record<symbol, number>)[HEADERS_COUNT as symbol] = rawHeaders.length;
  }
}
