import type { QueueListener, SharedState } from './shared-state.js';

/** Who wants to hear of a queue's messages. */
export interface QueueOwner {
  onQueueReady(queueId: number): void;
  /** `cleanup` runs when the owner has ended; at once if it has. */
  atEnd(cleanup: () => void): void;
}

/** The listeners of the plugins that have registered queues: one each, gone when the plugin ends. */
export class QueueEvents {
  readonly #state: SharedState;
  readonly #listeners = new Map<QueueOwner, QueueListener>();

  constructor(state: SharedState) {
    this.#state = state;
  }

  /** How many owners listen. */
  get size(): number {
    return this.#listeners.size;
  }

  /** Registers a queue whose messages are told to `owner`. As {@link SharedState.registerQueue}. */
  register(owner: QueueOwner, vmId: string, name: string): number | 'full' {
    const known = this.#listeners.get(owner);
    const listener = known ?? new OwnersListener(owner);
    const id = this.#state.registerQueue(vmId, name, listener);
    if (known === undefined) this.#keep(owner, listener);
    return id;
  }

  #keep(owner: QueueOwner, listener: QueueListener): void {
    this.#listeners.set(owner, listener);
    owner.atEnd(() => {
      this.#listeners.delete(owner);
      this.#state.removeListener(listener);
    });
  }
}

class OwnersListener implements QueueListener {
  readonly #owner: QueueOwner;

  constructor(owner: QueueOwner) {
    this.#owner = owner;
  }

  queueReady(queueId: number): void {
    this.#owner.onQueueReady(queueId);
  }
}
