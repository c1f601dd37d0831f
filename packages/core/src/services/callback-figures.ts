import { CALLBACK_NAMES, type CallbackKind } from '../abi/callback-kinds.js';

/** One call of a stream's callback in so many is timed: the clock takes longer to read than to count. */
const SAMPLING = 128;

/** Upper bounds of the buckets of callbacks' times, in seconds. */
export const DURATION_BUCKETS: readonly number[] = [
  1e-6, 2.5e-6, 5e-6, 1e-5, 2.5e-5, 5e-5, 1e-4, 2.5e-4, 5e-4, 1e-3, 2.5e-3, 5e-3, 0.01, 0.1, 1,
];

/** What is known of one callback. */
export interface CallbackFigure {
  readonly callback: string;
  readonly calls: number;
  readonly traps: number;
  readonly pauses: number;
  readonly durations: Durations;
}

/** The times of the calls that were timed. */
export interface Durations {
  readonly count: number;
  readonly sumSeconds: number;
  /** By bucket of {@link DURATION_BUCKETS}, and one for all that took longer. */
  readonly counts: Float64Array;
}

/** Calls to upstreams that came to the same. */
export interface UpstreamCallFigure {
  readonly type: 'http' | 'grpc';
  readonly result: string;
  readonly calls: number;
}

/** Calls a listener once, when the guest that is entered next has returned. */
export type ReturnHook = (listener: () => void) => void;

/**
 * What is counted where plugins' callbacks are called: of all contexts of the plugins of one name,
 * and exact, but for the times. No guest is entered while another runs, so one call at a time is
 * enough. A stream's callback costs an addition here, and nothing is allocated.
 */
export class CallbackFigures {
  /** Told of each call that was timed. */
  onTimed: ((callback: string, seconds: number) => void) | undefined;
  /** Calls since the last one that was timed: 32 bits are quicker than 64. */
  readonly #recent = new Int32Array(CALLBACK_NAMES.length);
  /** The calls before those. */
  readonly #calls = new Float64Array(CALLBACK_NAMES.length);
  readonly #traps = new Float64Array(CALLBACK_NAMES.length);
  readonly #pauses = new Float64Array(CALLBACK_NAMES.length);
  readonly #durations = CALLBACK_NAMES.map(() => new DurationHistogram());
  readonly #upstreamCalls = new Map<string, Writable<UpstreamCallFigure>>();
  readonly #onReturn: ReturnHook;
  /** The callback that runs, or ran last. */
  #current: CallbackKind = 0;
  #startedMs = 0;

  constructor(onReturn: ReturnHook) {
    this.#onReturn = onReturn;
  }

  /** Before a stream's callback. */
  begin(kind: CallbackKind): void {
    this.#current = kind;
    const recent = (this.#recent[kind] as number) + 1;
    this.#recent[kind] = recent;
    if (recent === SAMPLING) this.#startTimer(kind);
  }

  /** Before a callback that is not called often: each call is timed. */
  beginTimed(kind: CallbackKind): void {
    this.#current = kind;
    this.#recent[kind] = (this.#recent[kind] as number) + 1;
    this.#startTimer(kind);
  }

  /** The callback that has just begun took its VM with it. */
  countTrap(): void {
    this.#traps[this.#current] = (this.#traps[this.#current] as number) + 1;
  }

  /** The callback that has just returned paused its stream. */
  countPause(): void {
    this.#pauses[this.#current] = (this.#pauses[this.#current] as number) + 1;
  }

  /** A call to an upstream is over, or could not be started. */
  countUpstreamCall(type: 'http' | 'grpc', result: string): void {
    const key = `${type} ${result}`;
    const figure = this.#upstreamCalls.get(key);
    if (figure === undefined) this.#upstreamCalls.set(key, { type, result, calls: 1 });
    else figure.calls += 1;
  }

  /** Of the callbacks that have been called. */
  readCallbacks(): CallbackFigure[] {
    return CALLBACK_NAMES.map((callback, kind) => ({
      callback,
      calls: (this.#calls[kind] ?? 0) + (this.#recent[kind] ?? 0),
      traps: this.#traps[kind] ?? 0,
      pauses: this.#pauses[kind] ?? 0,
      durations: this.#durations[kind] as DurationHistogram,
    })).filter(({ calls }) => calls > 0);
  }

  readUpstreamCalls(): UpstreamCallFigure[] {
    return [...this.#upstreamCalls.values()];
  }

  #startTimer(kind: CallbackKind): void {
    this.#calls[kind] = (this.#calls[kind] as number) + (this.#recent[kind] as number);
    this.#recent[kind] = 0;
    this.#onReturn(this.#stopTimer);
    this.#startedMs = performance.now();
  }

  readonly #stopTimer = (): void => {
    const seconds = (performance.now() - this.#startedMs) / 1000;
    const kind = this.#current;
    this.#durations[kind]?.record(seconds);
    this.onTimed?.(CALLBACK_NAMES[kind] as string, seconds);
  };
}

type Writable<T> = { -readonly [K in keyof T]: T[K] };

class DurationHistogram implements Durations {
  count = 0;
  sumSeconds = 0;
  readonly counts = new Float64Array(DURATION_BUCKETS.length + 1);

  record(seconds: number): void {
    let index = 0;
    while (index < DURATION_BUCKETS.length && seconds > (DURATION_BUCKETS[index] as number)) {
      index += 1;
    }
    this.counts[index] = (this.counts[index] as number) + 1;
    this.count += 1;
    this.sumSeconds += seconds;
  }
}
