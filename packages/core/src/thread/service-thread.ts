import { MessageChannel, Worker } from 'node:worker_threads';

import { messageOf, ProxyWasmError } from '../errors.js';
import type { PluginOptions } from '../options.js';
import type { RecoveryDetails } from '../plugin-events.js';
import type { SharedState } from '../services/shared-state.js';
import { AppAnswers, type ServiceApp } from './app-answers.js';
import { Control, createControl } from './control.js';
import { toError } from './error-data.js';
import type { FromThread, ThreadData } from './messages.js';
import { QueueFeed } from './queue-feed.js';
import { StateAnswers, type MetricTarget } from './state-answers.js';
import { CallAnswerer } from './sync-calls.js';

/** Until a thread that was told to end has ended; one that can't be ended is left alone. */
const TERMINATE_TIMEOUT_MS = 2000;
const PAGE_BYTES = 65_536;

export interface ThreadSetup {
  readonly options: PluginOptions;
  readonly storeTimeoutMs: number;
  readonly app: ServiceApp;
  readonly sharedState: SharedState;
  readonly metrics: MetricTarget;
}

/** Told what becomes of a thread. */
export interface ThreadListener {
  started(): void;
  /** The guest has failed; the thread goes on, and may start another. */
  failed(error: Error, heals: boolean): void;
  recovered(details: RecoveryDetails): void;
  /** The thread is over: the guest could not be started, or the thread has died. Once, if at all. */
  ended(error: Error): void;
  /** What is for the log. */
  warn(message: string, error?: unknown): void;
}

/** One worker thread, with one guest; the main thread's side of it. */
export class ServiceThread {
  readonly #worker: Worker;
  readonly #listener: ThreadListener;
  readonly #control = createControl();
  readonly #state: StateAnswers;
  readonly #app: AppAnswers;
  readonly #answerer: CallAnswerer;
  readonly #exited: Promise<void>;
  #whenClosed: (() => void) | undefined;
  /** It is known why it is over, or it is not interesting. */
  #over = false;

  constructor(setup: ThreadSetup, listener: ThreadListener) {
    this.#listener = listener;
    const { port1: replies, port2 } = new MessageChannel();
    const { options, storeTimeoutMs, app } = setup;
    const functionNames = Object.keys(app.foreignFunctions);
    const control = this.#control;
    const data: ThreadData = { options, functionNames, control, replies: port2, storeTimeoutMs };
    this.#worker = new Worker(new URL('./worker.js', import.meta.url), {
      name: `wasm service ${app.pluginName}`,
      workerData: data,
      transferList: [port2],
    });
    const post = { postMessage: this.#post };
    this.#state = new StateAnswers(setup.sharedState, setup.metrics, new QueueFeed(post, control));
    this.#app = new AppAnswers(app, post);
    this.#answerer = new CallAnswerer([this.#state, this.#app], replies, control);
    this.#exited = this.#listen();
  }

  /** Of the guest, as it was at most a second ago. */
  get memoryBytes(): number {
    return Atomics.load(this.#control, Control.MEMORY_PAGES) * PAGE_BYTES;
  }

  /** It is no reason for the process to stay. */
  unref(): void {
    this.#worker.unref();
  }

  /**
   * Lets the guest finish, and ends the thread.
   *
   * @param timeoutMs how long the guest may take; it is ended then, wherever it is
   */
  async close(timeoutMs: number): Promise<void> {
    this.#over = true;
    this.#worker.ref();
    const closed = new Promise<boolean>((resolve) => {
      this.#whenClosed = () => {
        resolve(true);
      };
    });
    this.#post({ type: 'close' });
    const exited = this.#exited.then(() => true);
    const inTime = await within(Promise.race([closed, exited]), timeoutMs);
    const hasEnded = await this.terminate();
    if (inTime || !hasEnded) return;
    const took = `did not finish within ${String(timeoutMs)} ms of being closed`;
    this.#listener.warn(`the guest ${took}; its thread was ended`);
  }

  /** Ends the thread, whatever it does. False, and a line in the log: it can't be ended. */
  async terminate(): Promise<boolean> {
    this.#over = true;
    // Answers that nobody waits for would only keep what they belong to.
    this.#app.close();
    const terminated = this.#worker.terminate().then(() => true);
    if (await within(terminated, TERMINATE_TIMEOUT_MS)) return true;
    this.#worker.unref();
    this.#letGo();
    this.#listener.warn(
      'its thread could not be ended: the engine does not stop the code that runs there (an ' +
        'endless loop of tail calls); it goes on, and the process can be ended by a signal only',
    );
    return false;
  }

  readonly #post = (message: unknown): void => {
    this.#worker.postMessage(message);
  };

  #listen(): Promise<void> {
    const worker = this.#worker;
    worker.on('message', this.#receive);
    worker.on('error', (error) => {
      this.#ended(died(messageOf(error), error));
    });
    return new Promise((resolve) => {
      worker.once('exit', (code) => {
        this.#ended(died(`it exited with code ${String(code)}`));
        this.#letGo();
        resolve();
      });
    });
  }

  readonly #receive = (message: FromThread): void => {
    switch (message.type) {
      case 'call':
        this.#answerer.answer(message);
        break;
      case 'http-call':
        this.#app.httpCall(message);
        break;
      case 'http-cancel':
        this.#app.httpCancel(message);
        break;
      case 'started':
        if (!this.#over) this.#listener.started();
        break;
      case 'recovered':
        if (!this.#over) this.#listener.recovered(message.details);
        break;
      case 'closed':
        this.#whenClosed?.();
        break;
      case 'failed':
        if (!this.#over) this.#listener.failed(toError(message.error), message.heals);
        break;
      case 'start-failed':
        this.#ended(toError(message.error));
        void this.terminate();
        break;
    }
  };

  #ended(error: Error): void {
    if (this.#over) return;
    this.#over = true;
    this.#listener.ended(error);
  }

  /** Of what the thread holds on this side. */
  #letGo(): void {
    this.#app.close();
    this.#state.close((error) => {
      this.#listener.warn(`the store failed as its thread ended: ${messageOf(error)}`, error);
    });
  }
}

function died(reason: string, cause?: Error): ProxyWasmError {
  const code = (cause as NodeJS.ErrnoException | undefined)?.code;
  const hint =
    code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND'
      ? '; where the app is bundled, keep @proxy-wasm-node/core out of the bundle'
      : '';
  const message = `the thread of the service ended: ${reason}${hint}`;
  return new ProxyWasmError('PW_ERR_SERVICE_THREAD', message, { cause });
}

/** What a promise resolves with; false where that takes too long. */
async function within(promise: Promise<boolean>, timeoutMs: number): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, timeoutMs, false);
  });
  const result = await Promise.race([promise, late]);
  clearTimeout(timer);
  return result;
}
