import { CallbackKind } from '../abi/callback-kinds.js';
import type { HttpCallOutcome, HttpCallRequest, HttpCallResponse } from '../abi/http-call.js';
import { BufferType, MapType, Status } from '../abi/types.js';
import { CallClass } from '../vm/call-ids.js';
import { notStarted, type CallStarted, type HttpCallPort } from '../vm/call-ports.js';
import type { GuestBuffer, ReadableHeaderMap } from '../vm/context.js';
import { runEvent } from '../vm/deferred.js';
import { BytesBuffer } from './bytes-buffer.js';
import { ReceivedEntries } from './received-entries.js';
import type { UpstreamCalls } from './upstream-calls.js';

const NOTHING = new ReceivedEntries([]);

/** HTTP calls of a plugin context. Each that was started ends in one callback, unless cancelled. */
export class HttpCalls implements HttpCallPort {
  readonly #calls: UpstreamCalls;
  /** Inside the callback: what it may read. */
  #told: { readonly response: HttpCallResponse | undefined } | undefined;

  constructor(calls: UpstreamCalls) {
    this.#calls = calls;
  }

  /**
   * Deviates: a call that failed has empty maps, so that asking for a header is NOT_FOUND; so has a
   * response without trailers. In Envoy these are BAD_ARGUMENT, on which the Rust SDK panics.
   */
  headerMap(type: number): ReadableHeaderMap | undefined {
    if (this.#told === undefined) return undefined;
    const { response } = this.#told;
    const isHeaders = type === MapType.HTTP_CALL_RESPONSE_HEADERS;
    if (!isHeaders && type !== MapType.HTTP_CALL_RESPONSE_TRAILERS) return undefined;
    if (response === undefined) return NOTHING;
    return new ReceivedEntries(isHeaders ? response.headers : response.trailers);
  }

  buffer(type: number): GuestBuffer | undefined {
    const response = this.#told?.response;
    if (type !== BufferType.HTTP_CALL_RESPONSE_BODY || response === undefined) return undefined;
    return new BytesBuffer(response.body);
  }

  start(upstream: string, request: HttpCallRequest): CallStarted {
    const target = this.#calls.find(upstream);
    if (target === undefined) {
      this.#calls.count(CallClass.HTTP_CALL, 'not_started');
      return notStarted(Status.BAD_ARGUMENT);
    }
    return this.#calls.start(CallClass.HTTP_CALL, request.body.length, (id) => {
      let early: HttpCallOutcome | undefined;
      let started = false;
      const cancel = target.send(request, (outcome) => {
        if (started) this.#finished(id, upstream, outcome);
        else early = outcome;
      });
      started = true;
      if (early === undefined) return cancel;
      this.#warn('could not be started', upstream, early);
      return undefined;
    });
  }

  #finished(id: number, upstream: string, outcome: HttpCallOutcome): void {
    if (outcome.problem !== undefined) {
      const status = outcome.response?.headers[1];
      const what = status === undefined ? 'was reset' : `was answered with ${status}`;
      this.#warn(what, upstream, outcome);
    }
    runEvent(() => {
      if (!this.#calls.finish(id)) return;
      this.#calls.count(CallClass.HTTP_CALL, resultOf(outcome));
      this.#tell(id, outcome.response);
    });
  }

  #tell(id: number, response: HttpCallResponse | undefined): void {
    const { root } = this.#calls;
    const { onHttpCallResponse } = root.vm.callbacks;
    if (onHttpCallResponse === null) return;
    const { headers, body, trailers } = response ?? { headers: [], body: [], trailers: [] };
    this.#told = { response };
    if (response === undefined) {
      root.lastStatus = { code: Status.BROKEN_CONNECTION, message: 'reset' };
    }
    this.#calls.run(CallbackKind.ON_HTTP_CALL_RESPONSE, () =>
      onHttpCallResponse(root.id, id, headers.length >> 1, body.length, trailers.length >> 1),
    );
    this.#told = undefined;
  }

  #warn(what: string, upstream: string, { problem }: HttpCallOutcome): void {
    const text = `HTTP call to upstream ${JSON.stringify(upstream)} ${what}: ${problem ?? ''}`;
    this.#calls.warn(text);
  }
}

/** What a call came to, as it is counted: the answer's class, or what kept it away. */
function resultOf({ response, problem }: HttpCallOutcome): string {
  if (response === undefined) return 'reset';
  const status = response.headers[1] ?? '';
  if (problem === undefined) return `${status.charAt(0)}xx`;
  return status === '504' ? 'timeout' : 'unreachable';
}
