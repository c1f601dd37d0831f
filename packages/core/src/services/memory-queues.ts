import type { EnqueueResult, QueueListener } from './shared-state.js';

export interface QueueLimits {
  readonly queues: number;
  readonly queueLength: number;
  readonly queueBytes: number;
}

/** Taken from the front by moving `head`, so that a long queue costs no more than a short one. */
interface Queue {
  messages: Uint8Array[];
  head: number;
  sizeBytes: number;
  /** The last one is called; when it goes, the one before it is. */
  listeners: QueueListener[];
  /** Calls that wait for a listener. */
  missed: number;
}

/** How many taken messages may lie in front of the rest before they are cut off. */
const MAX_HEAD = 1024;
/** Lies where a message was, so that the message itself is free. */
const TAKEN = new Uint8Array(0);

/** Shared queues in this process's memory. */
export class MemoryQueues {
  readonly #limits: QueueLimits;
  readonly #queues = new Map<number, Queue>();
  readonly #ids = new Map<string, Map<string, number>>();
  #lastId = 0;
  /** Ids of queues whose listeners are to be called, one for each message. */
  #ready: number[] = [];

  constructor(limits: QueueLimits) {
    this.#limits = limits;
  }

  register(vmId: string, name: string, listener: QueueListener): number | 'full' {
    const id = this.resolve(vmId, name) ?? this.#create(vmId, name);
    const queue = this.#queues.get(id);
    if (queue === undefined) return 'full';
    queue.listeners = [...queue.listeners.filter((other) => other !== listener), listener];
    for (; queue.missed > 0; queue.missed -= 1) this.#notify(id);
    return id;
  }

  resolve(vmId: string, name: string): number | undefined {
    return this.#ids.get(vmId)?.get(name);
  }

  enqueue(id: number, message: Uint8Array): EnqueueResult {
    const queue = this.#queues.get(id);
    if (queue === undefined) return 'not-found';
    const { queueLength, queueBytes } = this.#limits;
    if (lengthOf(queue) >= queueLength || queue.sizeBytes + message.length > queueBytes) {
      return 'full';
    }
    queue.messages.push(message);
    queue.sizeBytes += message.length;
    this.#notify(id);
    return 'ok';
  }

  dequeue(id: number): Uint8Array | 'empty' | 'not-found' {
    const queue = this.#queues.get(id);
    if (queue === undefined) return 'not-found';
    const message = queue.messages[queue.head];
    if (message === undefined) return 'empty';
    queue.messages[queue.head] = TAKEN;
    queue.head += 1;
    queue.sizeBytes -= message.length;
    if (queue.head > MAX_HEAD || queue.head === queue.messages.length) {
      queue.messages = queue.messages.slice(queue.head);
      queue.head = 0;
    }
    return message;
  }

  removeListener(listener: QueueListener): void {
    for (const [id, queue] of this.#queues) {
      if (!queue.listeners.includes(listener)) continue;
      queue.listeners = queue.listeners.filter((other) => other !== listener);
      const untold = Math.min(listener.untold?.(id) ?? 0, lengthOf(queue));
      for (let call = 0; call < untold; call += 1) this.#notify(id);
    }
  }

  drop(vmId: string): void {
    for (const id of this.#ids.get(vmId)?.values() ?? []) this.#queues.delete(id);
    this.#ids.delete(vmId);
  }

  /** 0, which no queue has, where there are as many as may be. */
  #create(vmId: string, name: string): number {
    const ids = this.#ids.get(vmId) ?? new Map<string, number>();
    if (ids.size >= this.#limits.queues) return 0;
    this.#ids.set(vmId, ids);
    this.#lastId += 1;
    ids.set(name, this.#lastId);
    const queue = { messages: [], head: 0, sizeBytes: 0, listeners: [], missed: 0 };
    this.#queues.set(this.#lastId, queue);
    return this.#lastId;
  }

  /** In the next turn of the event loop: a consumer that feeds its own queue must not block it. */
  #notify(id: number): void {
    this.#ready.push(id);
    if (this.#ready.length === 1) setImmediate(this.#callListeners);
  }

  readonly #callListeners = (): void => {
    const ready = this.#ready;
    this.#ready = [];
    for (const id of ready) {
      const queue = this.#queues.get(id);
      const listener = queue?.listeners.at(-1);
      if (listener !== undefined) listener.queueReady(id);
      // Messages taken meanwhile need no call.
      else if (queue !== undefined) queue.missed = Math.min(queue.missed + 1, lengthOf(queue));
    }
  };
}

function lengthOf(queue: Queue): number {
  return queue.messages.length - queue.head;
}
