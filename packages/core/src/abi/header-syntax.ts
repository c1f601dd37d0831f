/**
 * What HTTP allows as a header, checked where a guest hands one over: a name or value that Node
 * would refuse (by throwing, long after the hostcall) or that would split a message never gets in.
 */
import { MapType } from './types.js';

const NAME = /^:?[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const NO_VALUE = /[^\t\x20-\x7e\x80-\xff]/;

/** Stands for a value that HTTP does not have. No valid value equals it. */
export const INVALID_VALUE = '\0';

const COLON = 58;

/** Whether a name is one of `:path` and its like, which stand in no HTTP/1 head. */
export function isPseudoHeader(name: string): boolean {
  return name.charCodeAt(0) === COLON;
}

/** A name as header maps hold it: lower-case; '' where HTTP has no such name, so no map has it. */
export function toHeaderName(text: string): string {
  const name = text.toLowerCase();
  return NAME.test(name) ? name : '';
}

/** A value of one character per byte; {@link INVALID_VALUE} where it has control characters. */
export function toHeaderValue(text: string): string {
  return NO_VALUE.test(text) ? INVALID_VALUE : text;
}

const NO_SPACE = /^[\x21-\x7e\x80-\xff]+$/;

const REQUEST_PSEUDO = new Map([
  [':method', /^[!#$%&'*+\-.^_`|~0-9a-z]+$/i],
  [':path', NO_SPACE],
  [':authority', /^[\x21-\x7e\x80-\xff]*$/],
  [':scheme', /^[a-z][a-z0-9+.-]*$/i],
  [':protocol', NO_SPACE],
]);

/** 1xx is refused too: it can't end an exchange, so the client would wait for ever. */
const RESPONSE_PSEUDO = new Map([[':status', /^[2-9]\d\d$/]]);

/**
 * Whether a name and value may stand in a map of that type. `name` comes from
 * {@link toHeaderName}, `value` from {@link toHeaderValue}: what those refused is refused here.
 *
 * Deviates: Envoy takes any name, value and pseudo header and fails the exchange later, or sends
 * it; here the guest learns it at once.
 */
export function isAllowedHeader(mapType: number, name: string, value: string): boolean {
  if (name === '' || value === INVALID_VALUE) return false;
  if (!isPseudoHeader(name)) return true;
  if (mapType === MapType.HTTP_REQUEST_HEADERS)
    return REQUEST_PSEUDO.get(name)?.test(value) === true;
  if (mapType !== MapType.HTTP_RESPONSE_HEADERS) return false;
  return RESPONSE_PSEUDO.get(name)?.test(value) === true;
}

/** Headers that belong to one connection and to the framing on it: the server's, not a filter's. */
const CONNECTION_HEADERS = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** The lengths of those names, a bit each: most names need no look-up. */
const CONNECTION_LENGTHS = [...CONNECTION_HEADERS].reduce(
  (bits, { length }) => bits | (1 << length),
  0,
);

/**
 * Whether what a filter writes under this lower-case name is ignored. It may be removed: the server
 * frames the message as it has to anyway.
 *
 * Deviates: Envoy takes it and drops it when the message goes out (and refuses it on HTTP/2).
 */
export function isConnectionHeader(name: string): boolean {
  return ((CONNECTION_LENGTHS >>> name.length) & 1) === 1 && CONNECTION_HEADERS.has(name);
}

/** {@link isAllowedHeader} of every entry of name, value, …; names lower-case. */
export function areAllowedHeaders(mapType: number, entries: readonly string[]): boolean {
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    const value = entries[index + 1] as string;
    if (!NAME.test(name) || NO_VALUE.test(value)) return false;
    if (isPseudoHeader(name) && !isAllowedHeader(mapType, name, value)) return false;
  }
  return true;
}
