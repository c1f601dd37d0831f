/** What `proxy_http_call` asks of an upstream, and what comes of it. */

import { isConnectionHeader } from './header-syntax.js';

export interface HttpCallRequest {
  readonly method: string;
  readonly path: string;
  readonly authority: string;
  /** name, value, …; names lower-case, one character per byte, nothing hop-by-hop. */
  readonly headers: readonly string[];
  /** Empty: none is sent. */
  readonly body: Uint8Array;
  /** As `headers`; empty: none are sent. */
  readonly trailers: readonly string[];
  /** For the whole call; 0: no limit of its own. */
  readonly timeoutMs: number;
}

export interface HttpCallResponse {
  /** name, value, …; names lower-case; `:status` is the first. */
  readonly headers: readonly string[];
  readonly body: Uint8Array;
  readonly trailers: readonly string[];
}

export interface HttpCallOutcome {
  /** undefined: none that is whole. The upstream's, or the one that stands in for it (503, 504). */
  readonly response: HttpCallResponse | undefined;
  /** What went wrong, for the log; undefined: nothing. */
  readonly problem: string | undefined;
}

/** Where HTTP calls go. */
export interface HttpTarget {
  /**
   * Sends a request.
   *
   * @param done called once, unless the call was cancelled before; inside `send` only where the
   *   request could not be started
   * @returns cancels: nothing is reported any more
   */
  send(request: HttpCallRequest, done: (outcome: HttpCallOutcome) => void): () => void;
}

/**
 * The headers without those that are about one connection: the usual ones, and what `connection`
 * names. `others` go too.
 */
export function endToEnd(entries: readonly string[], others: ReadonlySet<string>): string[] {
  const named = entries.includes('connection') ? namedByConnection(entries) : NONE;
  const kept: string[] = [];
  for (let index = 0; index < entries.length; index += 2) {
    const name = entries[index] as string;
    if (isConnectionHeader(name) || others.has(name) || named.has(name)) continue;
    kept.push(name, entries[index + 1] as string);
  }
  return kept;
}

const NONE: ReadonlySet<string> = new Set();

function namedByConnection(entries: readonly string[]): ReadonlySet<string> {
  const named = new Set<string>();
  for (let index = 0; index < entries.length; index += 2) {
    if (entries[index] !== 'connection') continue;
    const names = (entries[index + 1] as string).toLowerCase().split(',');
    for (const name of names) named.add(name.trim());
  }
  return named;
}
