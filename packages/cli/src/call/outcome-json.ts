import { isUtf8 } from 'node:buffer';

import type { TracedCall } from '@proxy-wasm-node/core';
import type { ExchangeMessage, HeaderEntries } from '@proxy-wasm-node/core/testing';

import { codeOf } from '../errors.js';
import type { CallOutcome } from './outcome.js';

interface JsonMessage {
  readonly headers: HeaderEntries;
  readonly body: string;
  readonly bodyEncoding: 'utf8' | 'base64';
  readonly trailers?: HeaderEntries;
}

/** @param withTrace whether the calls are in it */
export function outcomeToJson(outcome: CallOutcome, withTrace: boolean): string {
  const { request, response, answeredBy, details, log, notes, failure, calls } = outcome;
  const value = {
    upstreamSaw: request === undefined ? null : message(request),
    clientSees: response === undefined ? null : message(response),
    answeredBy,
    details,
    log,
    ...(notes.length > 0 && { notes }),
    ...(failure !== undefined && {
      error: { code: codeOf(failure) ?? null, message: failure.message },
    }),
    ...(withTrace && { trace: calls.map(withoutUndefined) }),
  };
  return JSON.stringify(value, null, 2);
}

function message({ headers, body, trailers }: ExchangeMessage): JsonMessage {
  const bodyEncoding = isUtf8(body) ? 'utf8' : 'base64';
  return {
    headers,
    body: body.toString(bodyEncoding),
    bodyEncoding,
    ...(trailers.length > 0 && { trailers }),
  };
}

function withoutUndefined(call: TracedCall): object {
  return Object.fromEntries(Object.entries(call).filter(([, value]) => value !== undefined));
}
