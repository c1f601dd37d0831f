/**
 * The store behind shared data, queues and (if it wants) metrics. The default one is in this
 * process's memory; another may be shared by worker threads, processes or machines.
 *
 * Contract, which `test/support/shared-state-suite.ts` tests of any store:
 *
 * - **Synchronous.** Each method has done its work when it returns. A guest is waiting on the stack,
 *   and so is the event loop: a store that is not local keeps what it reads near, and answers within
 *   microseconds.
 * - **Atomic.** Each method is one step: no other user of the store sees half of it. Above all
 *   {@link SharedState.set} compares and writes in one: of several that give the same `cas`, in
 *   whatever processes, exactly one is told 'ok'.
 * - **Fresh.** A read sees every write that returned before it began, in this process; of another
 *   process, every write as of some moment that is never older than one the reader has seen.
 * - **Bytes.** Values and messages are kept and answered byte by byte; what is passed in is the
 *   store's from then on, what it answers must not be changed. Keys and queue names are strings of
 *   one character (0 to 255) per byte, and are told apart byte by byte; a vm id is text.
 * - **Failure.** A method that can not do its work throws, having changed nothing. The guest gets
 *   InternalFailure and the plugin's log the error's message; the plugin goes on. 'full' is no
 *   failure: it is answered, not thrown.
 * - **Life.** What belongs to a vm id outlives VMs, traps and reloads, and may go when every
 *   {@link SharedState.acquire} of it has been released.
 */
import type { MetricStore } from './metric-store.js';

/**
 * A store for shared data, queues and metrics. All calls are synchronous: a filter waits on the
 * stack.
 */
export interface SharedState {
  /** The value and its version; undefined: there is none. */
  get(vmId: string, key: string): SharedValue | undefined;
  /**
   * Writes a value, which gets a new version: one that this store has not given before, from 1 on
   * (unsigned, 32 bits).
   *
   * @param cas the version that the value must still have; 0: any. A key that is not there is
   *   written whatever `cas` says, as in Envoy.
   */
  set(vmId: string, key: string, value: Uint8Array, cas: number): SetResult;
  /** False: it was not there. */
  delete(vmId: string, key: string): boolean;
  /** What there is, in no particular order; may miss or show what changes meanwhile. */
  entries(vmId: string): Iterable<readonly [key: string, value: SharedValue]>;

  /**
   * Makes a queue, or finds it again with what is in it. From now on its listener is this one; when
   * that is removed, the one before it.
   *
   * @returns its id: from 1 on, unsigned, 32 bits, the same for all who ask for vm id and name;
   *   'full': no more queues
   */
  registerQueue(vmId: string, name: string, listener: QueueListener): number | 'full';
  /** The id of a queue that somebody has registered. */
  resolveQueue(vmId: string, name: string): number | undefined;
  /**
   * Appends a message, and has the queue's listener called once for it: later, never within this
   * call. While a queue has no listener its calls wait for the next one.
   */
  enqueue(queueId: number, message: Uint8Array): EnqueueResult;
  /** Takes the oldest message; of several who ask, one gets it. */
  dequeue(queueId: number): Uint8Array | 'empty' | 'not-found';
  /**
   * The listener is never called any more. Its queues and their messages stay. Calls that it had got
   * and has not passed on ({@link QueueListener.untold}) go to the queue's next listener.
   */
  removeListener(listener: QueueListener): void;

  /** Another user of what belongs to this vm id: called once by each plugin that opens. */
  acquire(vmId: string): void;
  /** The opposite of {@link acquire}. */
  release(vmId: string): void;

  /** Where metrics are kept; absent: each host keeps its own. */
  readonly metrics?: MetricStore;
}

/** A value of shared data with its version. */
export interface SharedValue {
  readonly value: Uint8Array;
  /** The version: never 0. */
  readonly cas: number;
}

/** 'full': a limit of the store would be passed; nothing was written. */
export type SetResult = 'ok' | 'cas-mismatch' | 'full';
/** What became of a message. */
export type EnqueueResult = 'ok' | 'not-found' | 'full';

/** Who is told that a queue has a message. */
export interface QueueListener {
  /** The queue has a message. */
  queueReady(queueId: number): void;
  /**
   * How many of its calls for that queue have reached nobody: a listener that stands for another
   * thread has them until that thread has taken them up. Absent: none.
   */
  untold?(queueId: number): number;
}
