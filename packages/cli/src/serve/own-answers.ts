/** Answers that come from no upstream. */
import type { ServerResponse } from 'node:http';

import type { DirectResponse, HeaderEdits } from '@proxy-wasm-node/envoy';

import type { Failure } from './failures.js';
import { editHeaders } from './message-headers.js';

/** As Envoy writes them: text, with its length. */
export function answerFailure(res: ServerResponse, { status, body }: Failure): void {
  if (body === '') {
    res.writeHead(status, ['content-length', '0']);
    res.end();
    return;
  }
  const length = String(Buffer.byteLength(body));
  res.writeHead(status, ['content-length', length, 'content-type', 'text/plain']);
  res.end(body);
}

/** A route's own answer. */
export function answerDirectly(
  res: ServerResponse,
  { status, body }: DirectResponse,
  edits: HeaderEdits,
): void {
  const headers = ['content-length', String(body.length)];
  if (body.length > 0) headers.push('content-type', 'text/plain');
  editHeaders(headers, withoutFraming(edits));
  res.writeHead(status, headers);
  res.end(body);
}

/** A second content-length would make it no answer at all. */
function withoutFraming(edits: HeaderEdits): HeaderEdits {
  if (!edits.add.some(({ name }) => name === 'content-length')) return edits;
  return { ...edits, add: edits.add.filter(({ name }) => name !== 'content-length') };
}
