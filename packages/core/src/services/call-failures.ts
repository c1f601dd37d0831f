/** What becomes of a call whose upstream gave no answer: the response that Envoy gives for it. */
import type { HttpCallResponse } from '../abi/http-call.js';
import { messageOf } from '../errors.js';

interface Reply {
  readonly status: number;
  readonly text: string;
}

const RESET = 'upstream connect error or disconnect/reset before headers. reset reason: ';
const TIMEOUT: Reply = { status: 504, text: 'upstream request timeout' };
const NO_HOST: Reply = { status: 503, text: 'no healthy upstream' };
const NOT_HTTP: Reply = { status: 502, text: `${RESET}protocol error` };
const TERMINATED: Reply = { status: 503, text: `${RESET}connection termination` };
const NOT_CONNECTED: Reply = { status: 503, text: `${RESET}remote connection failure` };

/** By the code of the error, or its name where it has none. */
const REPLIES = new Map<string, Reply>([
  ['CALL_TIMEOUT', TIMEOUT],
  ['UND_ERR_HEADERS_TIMEOUT', TIMEOUT],
  ['UND_ERR_CONNECT_TIMEOUT', { status: 503, text: `${RESET}connection timeout` }],
  ['ENOTFOUND', NO_HOST],
  ['EAI_AGAIN', NO_HOST],
  ['UND_ERR_HEADERS_OVERFLOW', NOT_HTTP],
  ['HTTPParserError', NOT_HTTP],
  ['UND_ERR_SOCKET', TERMINATED],
  ['UND_ERR_INFO', TERMINATED],
  ['ECONNRESET', TERMINATED],
  ['EPIPE', TERMINATED],
  ['UPSTREAM_FUNCTION', TERMINATED],
]);

/** The response for a failure that came before any of the upstream's. */
export function replyFor(error: unknown): HttpCallResponse {
  const code = codeOf(error);
  const isParserError = code.startsWith('HPE_');
  const { status, text } = isParserError ? NOT_HTTP : (REPLIES.get(code) ?? NOT_CONNECTED);
  const length = String(text.length);
  const headers = [':status', String(status), 'content-length', length];
  headers.push('content-type', 'text/plain');
  return { headers, body: Buffer.from(text), trailers: [] };
}

/** An error in a log line: an AggregateError's message is empty, so its code stands in for it. */
export function describeError(error: unknown): string {
  const message = messageOf(error);
  return message === '' ? codeOf(error) : message;
}

function codeOf(error: unknown): string {
  if (!(error instanceof Error)) return '';
  const code: unknown = Reflect.get(error, 'code');
  return typeof code === 'string' ? code : error.name;
}
