/** A filter's own answer in the terms of a framework, which sends it in its way. */
import { HeaderList } from '../stream/header-list.js';
import { writeLocalResponse } from '../stream/local-response.js';
import type { HeaderMap, LocalResponse } from '../vm/context.js';
import { groupedEntries } from './response-entries.js';

/** An answer in the app's place. */
export interface LocalAnswer {
  /** Any that HTTP can carry: 100 to 999. */
  readonly status: number;
  /** Lower-case name to its value, or values in order. */
  readonly headers: Readonly<Record<string, string | string[]>>;
  /** May be empty. */
  readonly body: Buffer;
}

/** What a filter's local response comes to, for this request. */
export function toLocalAnswer(response: LocalResponse, requestHeaders: HeaderMap): LocalAnswer {
  const head = new HeaderList([], [':status', '200']);
  const body = writeLocalResponse(head, response, requestHeaders);
  const { ':status': status, ...headers } = groupedEntries(head.entries());
  const { buffer, byteOffset, byteLength } = body;
  return { status: Number(status), headers, body: Buffer.from(buffer, byteOffset, byteLength) };
}
