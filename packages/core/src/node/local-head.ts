/** The head of a filter's own answer, in the place of whatever was set on the response. */
import { isPseudoHeader } from '../abi/header-syntax.js';
import { HeaderList } from '../stream/header-list.js';
import type { HeaderMap } from '../vm/context.js';
import type { NodeResponse } from './messages.js';
import { groupedEntries } from './response-entries.js';
import { ResponseHeaders } from './response-headers.js';

/** Headers that describe a body: they go where a filter's answer takes its place. */
export const BODY_HEADERS: ReadonlySet<string> = new Set([
  'content-length',
  'content-type',
  'content-encoding',
  'content-range',
  'transfer-encoding',
  'trailer',
  'etag',
  'last-modified',
]);

/** A head that has what was set on the response, but for what describes a body. */
export function localHead(res: NodeResponse, keepHeaders: boolean): HeaderList {
  const list = new HeaderList([], [':status', '200']);
  if (!keepHeaders) return list;
  const headers = new ResponseHeaders(res);
  const entries = headers.entries();
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    if (name !== ':status' && !BODY_HEADERS.has(name)) list.add(name, entries[index + 1] as string);
  }
  return list;
}

/** Puts it on the response; whatever else was there goes. */
export function putLocalHead(res: NodeResponse, headers: HeaderMap): void {
  const entries = headers.entries();
  for (const name of res.getHeaderNames()) {
    if (!entries.includes(name)) res.removeHeader(name);
  }
  // The app's wish for a body that ends with the connection went with the app's body.
  if (res._removedTE === true) res._removedTE = false;
  res.sendDate = true;
  // A filter took it away: Node would put one of its own.
  if (!entries.includes('content-length')) res.removeHeader('content-length');
  const grouped = groupedEntries(entries);
  for (const name of Object.keys(grouped)) {
    if (isPseudoHeader(name)) continue;
    res.setHeader(name, grouped[name] as string | string[]);
  }
}
