import type { HttpTarget } from '../abi/http-call.js';
import type { PropertyValue } from '../abi/property-value.js';
import type { LogSink } from '../logger.js';
import type { ForeignFunction, ForeignFunctionContext, Upstream } from '../options.js';
import type {
  AppCalls,
  FoundUpstream,
  FunctionAnswer,
  FunctionResultMessage,
  HttpCallMessage,
  HttpCancelMessage,
  HttpOutcomeMessage,
  LogLine,
} from './app-calls.js';
import { toError, toErrorData } from './error-data.js';
import { exactBytes } from './exact-bytes.js';
import type { Outbox } from './sync-calls.js';

/** Upstreams by name, as one service may reach them. */
interface NamedUpstreams {
  /** What a name stands for, and whether it always does; undefined: nothing. */
  definition(name: string): { readonly upstream: Upstream; readonly isGiven: boolean } | undefined;
  find(name: string): HttpTarget | undefined;
}

/** What a service has of the app. */
export interface ServiceApp {
  readonly log: LogSink;
  readonly upstreams: NamedUpstreams;
  readonly foreignFunctions: Readonly<Record<string, ForeignFunction>>;
  /** Who the service is, and its properties. */
  readonly pluginName: string;
  readonly rootId: string;
  readonly vmId: string;
  readonly property: (path: readonly string[]) => PropertyValue | undefined;
}

/** The app, for one thread of a service: its logger, and what of it is JavaScript. */
export class AppAnswers implements AppCalls {
  readonly #app: ServiceApp;
  readonly #thread: Outbox;
  /** How to cancel each HTTP call that is in flight. */
  readonly #inFlight = new Map<number, () => void>();
  #lastFunctionCall = 0;
  #closed = false;

  constructor(app: ServiceApp, thread: Outbox) {
    this.#app = app;
    this.#thread = thread;
  }

  logLevel(): LogLine['level'] {
    return this.#app.log.level;
  }

  log({ level, fields, error, message }: LogLine): void {
    const all = error === undefined ? fields : { ...fields, err: toError(error) };
    this.#app.log.write(level, all, message);
  }

  findUpstream(name: string): FoundUpstream | undefined {
    const found = this.#app.upstreams.definition(name);
    if (found === undefined) return undefined;
    const { upstream, isGiven } = found;
    return { isGiven, server: typeof upstream === 'function' ? undefined : upstream };
  }

  callFunction(name: string, argument: Uint8Array, contextId: number): FunctionAnswer {
    const run = this.#app.foreignFunctions[name];
    if (run === undefined) throw new Error(`there is no foreign function ${name}`);
    const answer = run(argument, this.#caller(contextId));
    if (!isPromise(answer)) return { result: sendable(answer) };
    this.#lastFunctionCall += 1;
    const call = this.#lastFunctionCall;
    Promise.resolve(answer).then(
      (result) => {
        this.#functionEnded({ call, result: sendable(result), error: undefined });
      },
      (error: unknown) => {
        this.#functionEnded({ call, result: undefined, error: toErrorData(error) });
      },
    );
    return { later: call };
  }

  httpCall({ call, upstream, request }: HttpCallMessage): void {
    const target = this.#target(upstream);
    if (typeof target === 'string') {
      this.#httpEnded({ call, outcome: { response: undefined, problem: target } });
      return;
    }
    // Before it is sent: it may end at once.
    this.#inFlight.set(call, () => undefined);
    const cancel = target.send(request, (outcome) => {
      this.#inFlight.delete(call);
      const { response } = outcome;
      const sent = response && { ...response, body: exactBytes(response.body) };
      this.#httpEnded({ call, outcome: { ...outcome, response: sent } });
    });
    if (this.#inFlight.has(call)) this.#inFlight.set(call, cancel);
  }

  httpCancel({ call }: HttpCancelMessage): void {
    this.#inFlight.get(call)?.();
    this.#inFlight.delete(call);
  }

  /** The thread has ended: nobody waits for anything any more. */
  close(): void {
    this.#closed = true;
    for (const cancel of this.#inFlight.values()) cancel();
    this.#inFlight.clear();
  }

  /** Text: why there is none. */
  #target(upstream: string): HttpTarget | string {
    try {
      return this.#app.upstreams.find(upstream) ?? 'the upstream is not there any more';
    } catch (error) {
      return `the option resolveUpstream failed: ${String(error)}`;
    }
  }

  #caller(contextId: number): ForeignFunctionContext {
    const { pluginName, rootId, vmId, property } = this.#app;
    return {
      ...{ pluginName, rootId, vmId, contextId },
      property: (path) => property(typeof path === 'string' ? path.split('.') : path),
      // Properties are kept for an exchange, and a service has none.
      setProperty: () => 'no-stream',
    };
  }

  #httpEnded(outcome: Omit<HttpOutcomeMessage, 'type'>): void {
    if (!this.#closed) this.#thread.postMessage({ type: 'http-outcome', ...outcome });
  }

  #functionEnded(result: Omit<FunctionResultMessage, 'type'>): void {
    if (!this.#closed) this.#thread.postMessage({ type: 'function-result', ...result });
  }
}

function isPromise(answer: unknown): answer is PromiseLike<unknown> {
  return typeof (answer as { then?: unknown } | undefined)?.then === 'function';
}

/** What a foreign function may answer, and else what it is called: the thread says what is wrong. */
function sendable(result: unknown): unknown {
  if (result instanceof Uint8Array) return exactBytes(result);
  return result === undefined || typeof result === 'string' ? result : null;
}
