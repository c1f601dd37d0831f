import type { HttpCallOutcome, HttpCallRequest, HttpTarget } from '../abi/http-call.js';
import { Upstreams, type UpstreamTarget } from '../services/upstreams.js';
import type {
  AppCalls,
  FoundUpstream,
  HttpCallMessage,
  HttpCancelMessage,
  HttpOutcomeMessage,
} from './app-calls.js';
import { exactBytes } from './exact-bytes.js';
import type { Outbox, SyncCaller } from './sync-calls.js';

/**
 * The upstreams of service and host, as a service's thread has them. It calls servers itself; what
 * is JavaScript runs on the main thread, which is sent the call.
 */
export class RemoteUpstreams {
  readonly #main: SyncCaller<AppCalls>;
  readonly #calls: RemoteCalls;
  readonly #servers = new Upstreams();
  readonly #given = new Map<string, FoundUpstream>();

  constructor(main: SyncCaller<AppCalls>, outbox: Outbox) {
    this.#main = main;
    this.#calls = new RemoteCalls(outbox);
  }

  has(name: string): boolean {
    return this.#look(name)?.isGiven ?? false;
  }

  /** @throws what the option resolveUpstream throws */
  find(name: string): UpstreamTarget | undefined {
    const found = this.#look(name);
    if (found === undefined) return undefined;
    if (found.server !== undefined) return this.#servers.targetOf(found.server);
    return this.#calls.target(name);
  }

  /** What has come of a call to JavaScript. */
  finished(message: HttpOutcomeMessage): void {
    this.#calls.finished(message);
  }

  close(): void {
    this.#servers.close();
  }

  #look(name: string): FoundUpstream | undefined {
    const known = this.#given.get(name);
    if (known !== undefined) return known;
    const found = this.#main.call('findUpstream', name);
    if (found?.isGiven === true) this.#given.set(name, found);
    return found;
  }
}

/** HTTP calls that the main thread makes. */
class RemoteCalls {
  readonly #outbox: Outbox;
  readonly #inFlight = new Map<number, (outcome: HttpCallOutcome) => void>();
  #lastCall = 0;

  constructor(outbox: Outbox) {
    this.#outbox = outbox;
  }

  target(upstream: string): HttpTarget {
    return { send: (request, done) => this.#send(upstream, request, done) };
  }

  finished({ call, outcome }: HttpOutcomeMessage): void {
    const done = this.#inFlight.get(call);
    this.#inFlight.delete(call);
    done?.(outcome);
  }

  #send(
    upstream: string,
    request: HttpCallRequest,
    done: (outcome: HttpCallOutcome) => void,
  ): () => void {
    this.#lastCall += 1;
    const call = this.#lastCall;
    this.#inFlight.set(call, done);
    const sent = { ...request, body: exactBytes(request.body) };
    this.#post({ type: 'http-call', call, upstream, request: sent });
    return () => {
      if (this.#inFlight.delete(call)) this.#post({ type: 'http-cancel', call });
    };
  }

  #post(message: HttpCallMessage | HttpCancelMessage): void {
    this.#outbox.postMessage(message);
  }
}
