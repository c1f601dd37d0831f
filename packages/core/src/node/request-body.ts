/** What Node knows of a request's body, and how one that Node has read ahead is taken back. */
import { findHeader } from '../stream/header-list.js';
import { isHttp2, isInjected, type NodeRequest } from './messages.js';

/** Of a body whose length the request does not tell. */
export const UNKNOWN_LENGTH = -1;

/** Declared length of the body in bytes; 0: there is none; {@link UNKNOWN_LENGTH}. */
export function declaredBodyLength(req: NodeRequest): number {
  const { rawHeaders } = req;
  if (req.upgrade === true) return 0;
  if (req.stream !== undefined) {
    if (req.stream.endAfterHeaders) return 0;
  } else if (findHeader(rawHeaders, 'transfer-encoding') >= 0) {
    return UNKNOWN_LENGTH;
  }
  const index = findHeader(rawHeaders, 'content-length');
  if (index >= 0) return Number(rawHeaders[index + 1]);
  return isHttp2(req) ? UNKNOWN_LENGTH : 0;
}

/** What had been read ahead of a request's body before a filter could see it. */
export interface Recalled {
  readonly chunks: readonly Uint8Array[];
  /** Node has seen the body's end. */
  readonly ended: boolean;
  /** With its end: what came as trailers, as Node keeps them (name, value, …). */
  readonly trailers: string[];
}

/** The fields of Node's `Readable` state that a recall sets back. */
interface ReadableState {
  ended: boolean;
  endEmitted: boolean;
  dataEmitted: boolean;
  length: number;
}

/** Whether somebody has read of the body already, so that a filter would see a part or nothing. */
export function isBodyConsumed(req: NodeRequest): boolean {
  return req.readableDidRead;
}

/** Whether all of a body has come, and there was nothing in it nor behind it. */
export function isBodyEmpty(req: NodeRequest): boolean {
  const { ended, length } = stateOf(req);
  return ended && length === 0 && !req.readableDidRead && trailersOf(req).length === 0;
}

/**
 * Takes what Node has read ahead out of the request's buffer, its end included, as if it had never
 * come; undefined where there is nothing. The request then waits for it to be pushed again.
 */
export function recallBody(req: NodeRequest): Recalled | undefined {
  const state = stateOf(req);
  if (state.length === 0 && !state.ended) return undefined;
  const { ended } = state;
  const consuming = req._consuming;
  const chunks: Uint8Array[] = [];
  // Else the last read would set off 'end'.
  state.ended = false;
  // Listeners of a stream that is paused must not see the bytes before the filter.
  const own = Object.getOwnPropertyDescriptor(req, 'emit');
  req.emit = () => false;
  while (state.length > 0) {
    const chunk: unknown = req.read();
    if (chunk === null) break;
    chunks.push(typeof chunk === 'string' ? Buffer.from(chunk) : (chunk as Uint8Array));
  }
  if (own === undefined) delete (req as { emit?: unknown }).emit;
  else Object.defineProperty(req, 'emit', own);
  state.dataEmitted = false;
  if (consuming === false) req._consuming = false;
  return { chunks, ended, trailers: ended ? trailersOf(req) : [] };
}

/** Node's own list of the trailers that have come. */
export function trailersOf(req: NodeRequest): string[] {
  return isInjected(req) ? [] : req.rawTrailers;
}

function stateOf(req: NodeRequest): ReadableState {
  return (req as unknown as { readonly _readableState: ReadableState })._readableState;
}
