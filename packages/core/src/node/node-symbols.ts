/**
 * Symbols under which Node keeps a message's headers. Through them an edit costs what it changes:
 * Node builds `req.headers` only when asked, and so it can go on doing. They have been the same
 * since Node 15; where one is missing, the slower public way is taken.
 */
import { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

const message = new IncomingMessage(null as unknown as Socket);
void message.headers;
void message.headersDistinct;
void message.trailers;
void message.trailersDistinct;

/** By name; undefined: this Node has no such symbol. */
function find(object: object, name: string): symbol | undefined {
  return Object.getOwnPropertySymbols(object).find(({ description }) => description === name);
}

/** `req.headers`, once it was built. */
export const HEADERS = find(message, 'kHeaders');
/** How much of `rawHeaders` counts. */
export const HEADERS_COUNT = find(message, 'kHeadersCount');
/** `req.headersDistinct`, once it was built. */
export const HEADERS_DISTINCT = find(message, 'kHeadersDistinct');
export const TRAILERS = find(message, 'kTrailers');
export const TRAILERS_COUNT = find(message, 'kTrailersCount');
export const TRAILERS_DISTINCT = find(message, 'kTrailersDistinct');
const response = new ServerResponse(message);
/** A response's headers: lower-case name to [name, value]; null while there are none. */
export const OUT_HEADERS = find(response, 'kOutHeaders');
/** `res.writableNeedDrain`, which what pipes into it asks for before its first write. */
export const NEED_DRAIN = find(response, 'kNeedDrain');

/** Whether all that {@link HEADERS} and its like are needed for is there. */
export const KNOWS_HEADERS =
  HEADERS !== undefined && HEADERS_COUNT !== undefined && HEADERS_DISTINCT !== undefined;
export const KNOWS_TRAILERS =
  TRAILERS !== undefined && TRAILERS_COUNT !== undefined && TRAILERS_DISTINCT !== undefined;
