import { endToEnd, type HttpCallOutcome, type HttpCallRequest } from '../abi/http-call.js';
import { describeError, replyFor } from './call-failures.js';

const NO_OTHERS: ReadonlySet<string> = new Set();

/**
 * One HTTP call on its way. What its transport reports, and its timeout, come to exactly one
 * outcome, as Envoy has it: a failure before the response has begun is an ordinary response (503,
 * 504), one after that is no response at all.
 */
export class HttpCall {
  readonly request: HttpCallRequest;
  readonly #maxBytes: number;
  readonly #done: (outcome: HttpCallOutcome) => void;
  readonly #timer: NodeJS.Timeout | undefined;
  #abort: (() => void) | undefined;
  #over = false;
  #headers: string[] | undefined;
  readonly #chunks: Uint8Array[] = [];
  #sizeBytes = 0;

  /** @param maxBytes what the response's body may have */
  constructor(
    request: HttpCallRequest,
    maxBytes: number,
    done: (outcome: HttpCallOutcome) => void,
  ) {
    this.request = request;
    this.#maxBytes = maxBytes;
    this.#done = done;
    const { timeoutMs } = request;
    if (timeoutMs > 0) {
      this.#timer = setTimeout(() => {
        this.fail(new CallTimeout(`no answer within ${String(timeoutMs)} ms`));
      }, timeoutMs);
    }
  }

  /** Whether nothing can be reported any more: the transport may let go. */
  get over(): boolean {
    return this.#over;
  }

  /** How to stop the transport; at once, if the call is over already. */
  set onAbort(abort: () => void) {
    if (this.#over) abort();
    else this.#abort = abort;
  }

  /** The response's head: name, value, …. Informational ones are ignored. */
  head(status: number, headers: readonly string[]): void {
    if (this.#over || status < 200) return;
    this.#headers = [':status', String(status), ...endToEnd(headers, NO_OTHERS)];
  }

  data(chunk: Uint8Array): void {
    if (this.#over) return;
    this.#sizeBytes += chunk.length;
    if (this.#sizeBytes <= this.#maxBytes) this.#chunks.push(chunk);
    else this.fail(new Error(`the response's body exceeds ${String(this.#maxBytes)} bytes`));
  }

  end(trailers: readonly string[]): void {
    if (this.#over) return;
    const headers = this.#headers;
    if (headers === undefined) {
      this.fail(new Error('it ended without a response'));
      return;
    }
    const [first, ...others] = this.#chunks;
    const isOne = first !== undefined && others.length === 0;
    const body = isOne ? first : Buffer.concat(this.#chunks);
    this.#settle({ response: { headers, body, trailers }, problem: undefined });
  }

  /** The transport failed, or the time is up. */
  fail(error: unknown): void {
    if (this.#over) return;
    const response = this.#headers === undefined ? replyFor(error) : undefined;
    const abort = this.#abort;
    this.#settle({ response, problem: describeError(error) });
    abort?.();
  }

  /** Nobody waits for it any more. */
  cancel(): void {
    if (this.#over) return;
    const abort = this.#abort;
    this.#end();
    abort?.();
  }

  #settle(outcome: HttpCallOutcome): void {
    this.#end();
    this.#done(outcome);
  }

  #end(): void {
    this.#over = true;
    this.#abort = undefined;
    clearTimeout(this.#timer);
  }
}

/** The guest's own timeout. */
class CallTimeout extends Error {
  readonly code = 'CALL_TIMEOUT';
}
