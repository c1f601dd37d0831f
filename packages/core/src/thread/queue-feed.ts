import type { QueueListener } from '../services/shared-state.js';
import { Control } from './control.js';
import type { QueueReadyMessage, UntoldCalls } from './state-calls.js';
import type { Outbox } from './sync-calls.js';

/** How many events that were passed on may lie in front of the others before they are cut off. */
const MAX_TOLD = 1024;

/** Queue events on their way to a service's thread. It passes them on in the order they were sent. */
export class QueueFeed {
  readonly #thread: Outbox;
  readonly #control: Int32Array<SharedArrayBuffer>;
  readonly #sent: QueueReadyMessage[] = [];
  /** What the thread's counter said when the first of `#sent` was next. */
  #told = 0;

  constructor(thread: Outbox, control: Int32Array<SharedArrayBuffer>) {
    this.#thread = thread;
    this.#control = control;
  }

  /** A listener of the thread's, as the store calls it. */
  listener(id: number): ThreadListener {
    return new ThreadListener(id, this);
  }

  send(event: QueueReadyMessage): void {
    this.#sent.push(event);
    if (this.#sent.length > MAX_TOLD) this.#cutOff();
    this.#thread.postMessage(event);
  }

  /** How many events for that listener and queue the thread has not passed on. */
  untold(listener: number, queueId: number): number {
    this.#cutOff();
    return this.#sent.filter((event) => event.listener === listener && event.queueId === queueId)
      .length;
  }

  #cutOff(): void {
    const told = Atomics.load(this.#control, Control.EVENTS_TOLD);
    this.#sent.splice(0, (told - this.#told) | 0);
    this.#told = told;
  }
}

/** Stands for a listener in the thread. */
export class ThreadListener implements QueueListener {
  /** What that listener itself has not passed on; known when it is removed. */
  untoldThere: UntoldCalls = [];
  readonly #id: number;
  readonly #feed: QueueFeed;

  constructor(id: number, feed: QueueFeed) {
    this.#id = id;
    this.#feed = feed;
  }

  queueReady(queueId: number): void {
    this.#feed.send({ type: 'queue-ready', listener: this.#id, queueId });
  }

  untold(queueId: number): number {
    const there = this.untoldThere.find(([id]) => id === queueId)?.[1] ?? 0;
    return there + this.#feed.untold(this.#id, queueId);
  }
}
