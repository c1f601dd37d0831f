/** The errors of fetching code. None of them shows a query, a user or a header. */
import { messageOf, ProxyWasmError } from '../errors.js';
import type { HttpAnswer } from './http-client.js';

export function fetchError(message: string, cause?: unknown): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_CODE_FETCH', message, { cause });
}

export function refusedError(message: string): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_CODE_REFUSED', message);
}

export function redirectError(message: string): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_CODE_REDIRECT', message);
}

export function imageError(message: string, cause?: unknown): ProxyWasmError {
  return new ProxyWasmError('PW_ERR_CODE_IMAGE', message, { cause });
}

export function tooLargeError(what: string, sizeBytes: number | undefined, maxBytes: number) {
  const size = sizeBytes === undefined ? 'more' : `${String(sizeBytes)} bytes`;
  return new ProxyWasmError(
    'PW_ERR_CODE_TOO_LARGE',
    `${what} has ${size}, and codeSource.maxBytes allows ${String(maxBytes)} bytes; raise it if ` +
      'this is what you want',
  );
}

/** What an error of the network says; one of several addresses that all failed says nothing itself. */
export function reasonOf(error: unknown): string {
  const reasons = error instanceof AggregateError ? error.errors : [error];
  const texts = new Set((reasons as unknown[]).map(messageOf));
  return [...texts].join(', ');
}

/**
 * The error for an answer that is not 200.
 *
 * @param what was fetched, as `the manifest of oci://…`
 * @param hint for 401 and 403: what may be missing
 */
export function statusError(what: string, answer: HttpAnswer, hint: string): ProxyWasmError {
  const { status } = answer;
  const said = `${what} could not be fetched: ${describeAnswer(answer)}`;
  if (status === 404 || status === 410) {
    const message = `${said}; it is not there, or only for those who may see it`;
    return new ProxyWasmError('PW_ERR_CODE_NOT_FOUND', message);
  }
  if (status === 401 || status === 403) return refusedError(`${said}; ${hint}`);
  return fetchError(said);
}

/** `the server answered 404 (MANIFEST_UNKNOWN), after a redirect to https://cdn/…, 2 attempts`. */
function describeAnswer({ status, headers, redirects, attempts, body }: HttpAnswer): string {
  const wait = String(headers['retry-after']);
  const reason = registryCode(body);
  const last = redirects.at(-1);
  return [
    `the server answered ${String(status)}${reason === undefined ? '' : ` (${reason})`}`,
    ...(last === undefined ? [] : [`after a redirect to ${last}`]),
    ...(/^\d+$/.test(wait) ? [`it asks to wait ${wait} s`] : []),
    ...(attempts === 1 ? [] : [`${String(attempts)} attempts`]),
  ].join(', ');
}

/** The code that registries give with an error; their words may be anything. */
function registryCode(body: Uint8Array): string | undefined {
  try {
    const { errors } = JSON.parse(Buffer.from(body).toString('utf8')) as {
      errors?: { code?: unknown }[];
    };
    const code = errors?.[0]?.code;
    return typeof code === 'string' && /^[A-Z_]{1,40}$/.test(code) ? code : undefined;
  } catch {
    return undefined;
  }
}
