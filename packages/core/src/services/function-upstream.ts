import type { HttpCallOutcome, HttpCallRequest, HttpTarget } from '../abi/http-call.js';
import { messageOf } from '../errors.js';
import type { UpstreamFunction } from '../options.js';
import { HttpCall } from './http-call.js';

/** An upstream that is JavaScript of the app's: it answers a `Request` with a `Response`. */
export class FunctionUpstream implements HttpTarget {
  readonly #answer: UpstreamFunction;
  readonly #maxBytes: number;

  constructor(answer: UpstreamFunction, maxBytes: number) {
    this.#answer = answer;
    this.#maxBytes = maxBytes;
  }

  send(request: HttpCallRequest, done: (outcome: HttpCallOutcome) => void): () => void {
    const call = new HttpCall(request, this.#maxBytes, done);
    const controller = new AbortController();
    call.onAbort = () => {
      controller.abort();
    };
    try {
      const asked = toRequest(request, controller.signal);
      // Later, since the guest that asks is still running.
      queueMicrotask(() => void this.#run(call, asked));
    } catch (error) {
      call.fail(error);
    }
    return () => {
      call.cancel();
    };
  }

  async #run(call: HttpCall, request: Request): Promise<void> {
    if (call.over) return;
    try {
      const response = await this.#answer(request);
      if (!isResponse(response)) throw new TypeError('it answered no Response, or an error');
      call.head(response.status, [...response.headers].flat());
      if (response.body !== null) await pass(response.body, call, request.signal);
      call.end([]);
    } catch (error) {
      call.fail(new FunctionFailed(`the upstream function failed: ${messageOf(error)}`));
    }
  }
}

/** Of any realm or package: an app may have an undici of its own. */
function isResponse(value: unknown): value is Response {
  const { status, headers } = (value ?? {}) as Partial<Response>;
  // Response.error() has the status 0.
  return typeof status === 'number' && status >= 200 && typeof headers?.entries === 'function';
}

async function pass(
  body: ReadableStream<unknown>,
  call: HttpCall,
  signal: AbortSignal,
): Promise<void> {
  const reader = body.getReader();
  // A cancelled reader says that it is done.
  const cancel = (): void => void reader.cancel().catch(() => undefined);
  if (signal.aborted) cancel();
  else signal.addEventListener('abort', cancel, { once: true });
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    if (!(value instanceof Uint8Array)) throw new TypeError('its body holds no bytes');
    call.data(value);
  }
}

/** @throws TypeError for what a Request can't be: a GET with a body, a method TRACE */
function toRequest(request: HttpCallRequest, signal: AbortSignal): Request {
  const { method, authority, path, body } = request;
  const headers: [string, string][] = [['host', authority]];
  for (let index = 0; index < request.headers.length; index += 2) {
    headers.push([request.headers[index] as string, request.headers[index + 1] as string]);
  }
  const init: RequestInit = { method, headers, signal };
  if (body.length > 0) init.body = body as BufferSource;
  return new Request(toUrl(authority, path), init);
}

/** An Envoy cluster name may stand where a host is meant, and is none: the header still tells it. */
function toUrl(authority: string, path: string): string {
  const base = `http://${authority}`;
  const origin = URL.canParse(base) ? new URL(base).origin : 'http://upstream';
  return origin + (path.startsWith('/') ? path : `/${path}`);
}

class FunctionFailed extends Error {
  readonly code = 'UPSTREAM_FUNCTION';
}
