/** The ABI's numbers, by short names, for rows. */
export const REQUEST_HEADERS = 0;
export const REQUEST_TRAILERS = 1;
export const RESPONSE_HEADERS = 2;
export const RESPONSE_TRAILERS = 3;
export const REQUEST_BODY = 0;
export const RESPONSE_BODY = 1;
/** Larger than any body: all of it, or behind it. */
export const ALL = 0x7fffffff;
export const PAUSE = 1;
