/** What a response's head says of its body's length, kept true whatever filters do to the body. */
import { announcesTrailers, contentLengthOf, removeHeader } from './header-table.js';
import type { NodeResponse } from './messages.js';

/**
 * Has the body framed by chunks instead of its length, also where the app had made sure that there
 * were none: without either Node would say `keep-alive` and end the connection with the body.
 */
export function removeLength(res: NodeResponse): void {
  const hadLength = contentLengthOf(res) !== undefined;
  removeHeader(res, 'content-length');
  if (hadLength && res._removedTE === true) res._removedTE = false;
}

/** The body's length is no longer known before its end. */
export function dropLength(res: NodeResponse): void {
  if (contentLengthOf(res) !== undefined) removeLength(res);
}

/**
 * A filter that can't change the body can't change its length: removed it may be, not wrong.
 *
 * @param appLength what the app had said; undefined: nothing
 */
export function restoreLength(res: NodeResponse, appLength: string | undefined): void {
  if (contentLengthOf(res) === undefined) return;
  if (appLength === undefined) res.removeHeader('content-length');
  else res.setHeader('content-length', appLength);
}

/** The whole body is known. Where a length was declared (or nothing is sent) it is set right. */
export function settleLength(res: NodeResponse, sizeBytes: number, isLocal: boolean): void {
  const declared = contentLengthOf(res);
  if (declared !== undefined && announcesTrailers(res)) {
    dropLength(res);
    return;
  }
  if (declared === undefined && !(isLocal && sizeBytes === 0)) return;
  if (declared !== sizeBytes && String(declared) !== String(sizeBytes)) {
    res.setHeader('content-length', sizeBytes);
  }
}
