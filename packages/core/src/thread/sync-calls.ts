/**
 * Calls from a service's thread to the main thread. The caller blocks until they are answered; the
 * main thread answers them in its event loop, one message each, and never waits.
 *
 *   thread: CALL := pending ── message ──> main: pending -> taken, runs it,
 *           waits on CALL                        posts the reply, CALL := answered, wakes
 *           takes the reply <───────────────────────┘
 *
 * A caller that has waited too long sets pending -> given up; whoever is first wins, so a call has
 * either been given up and is never run, or its answer comes.
 */
import { receiveMessageOnPort, type MessagePort } from 'node:worker_threads';

import { addWaitingTime } from '../waiting-time.js';
import { callWord, Control, Phase } from './control.js';
import { toError, toErrorData, type ErrorData } from './error-data.js';

/** Functions by name, whose arguments and results can be cloned. */
export type CallTable<C> = { readonly [K in keyof C]: (...args: never[]) => unknown };

/** As it is posted to the main thread. */
export interface CallMessage {
  readonly type: 'call';
  readonly number: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

type Reply = { readonly result: unknown } | { readonly error: ErrorData };

/** Takes messages, as a MessagePort or a Worker does. */
export interface Outbox {
  postMessage(message: unknown): void;
}

const MAX_NUMBER = 2 ** 29;

/** The service's side. */
export class SyncCaller<C extends CallTable<C>> {
  readonly #requests: Outbox;
  readonly #replies: MessagePort;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #timeoutMs: number;
  #number = 0;

  constructor(
    requests: Outbox,
    replies: MessagePort,
    control: Int32Array<SharedArrayBuffer>,
    timeoutMs: number,
  ) {
    this.#requests = requests;
    this.#replies = replies;
    this.#control = control;
    this.#timeoutMs = timeoutMs;
  }

  /**
   * Calls, and waits for the answer.
   *
   * @throws what the function threw there; Error where no answer came in time: it was not run then
   */
  call<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): ReturnType<C[K]> {
    return this.#call(this.#timeoutMs, name, args) as ReturnType<C[K]>;
  }

  /** As {@link call}, for as long as it takes. */
  insist<K extends keyof C & string>(name: K, ...args: Parameters<C[K]>): ReturnType<C[K]> {
    return this.#call(Infinity, name, args) as ReturnType<C[K]>;
  }

  #call(timeoutMs: number, name: string, args: readonly unknown[]): unknown {
    this.#number = (this.#number + 1) % MAX_NUMBER;
    const number = this.#number;
    Atomics.store(this.#control, Control.CALL, callWord(number, Phase.PENDING));
    const message: CallMessage = { type: 'call', number, name, args };
    this.#requests.postMessage(message);
    const begunMs = performance.now();
    try {
      this.#wait(number, name, timeoutMs);
    } finally {
      addWaitingTime(performance.now() - begunMs);
    }
    const reply = receiveMessageOnPort(this.#replies)?.message as Reply;
    if ('error' in reply) throw toError(reply.error);
    return reply.result;
  }

  #wait(number: number, name: string, timeoutMs: number): void {
    const control = this.#control;
    const pending = callWord(number, Phase.PENDING);
    const givenUp = callWord(number, Phase.GIVEN_UP);
    if (Atomics.wait(control, Control.CALL, pending, timeoutMs) === 'timed-out') {
      if (Atomics.compareExchange(control, Control.CALL, pending, givenUp) === pending) {
        const text = `the main thread did not get to ${name} within ${String(timeoutMs)} ms`;
        throw new Error(text);
      }
    }
    // It has begun: what it changes, it changes, so its answer must be known.
    const taken = callWord(number, Phase.TAKEN);
    while (Atomics.load(control, Control.CALL) === taken) {
      Atomics.wait(control, Control.CALL, taken);
    }
  }
}

/** The main thread's side. */
export class CallAnswerer {
  readonly #parts: readonly object[];
  readonly #replies: Outbox;
  readonly #control: Int32Array<SharedArrayBuffer>;

  /** @param parts objects whose methods are the functions */
  constructor(parts: readonly object[], replies: Outbox, control: Int32Array<SharedArrayBuffer>) {
    this.#parts = parts;
    this.#replies = replies;
    this.#control = control;
  }

  /** Runs a call, unless the caller has given it up. Never throws. */
  answer({ number, name, args }: CallMessage): void {
    const control = this.#control;
    const pending = callWord(number, Phase.PENDING);
    const taken = callWord(number, Phase.TAKEN);
    if (Atomics.compareExchange(control, Control.CALL, pending, taken) !== pending) return;
    this.#reply(name, args);
    Atomics.store(control, Control.CALL, callWord(number, Phase.ANSWERED));
    Atomics.notify(control, Control.CALL);
  }

  #reply(name: string, args: readonly unknown[]): void {
    try {
      this.#replies.postMessage({ result: this.#run(name, args) });
    } catch (error) {
      // What it threw, or that its result can't be cloned.
      this.#replies.postMessage({ error: toErrorData(error) });
    }
  }

  #run(name: string, args: readonly unknown[]): unknown {
    const part = this.#parts.find((each) => name in each) as
      Record<string, AnyFunction> | undefined;
    if (part === undefined) throw new Error(`there is no call ${name}`);
    return part[name]?.(...args);
  }
}

type AnyFunction = (...args: readonly unknown[]) => unknown;
