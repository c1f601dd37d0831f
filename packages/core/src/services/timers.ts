import type { Clock } from '../options.js';

/** Node's setTimeout fires at once for anything longer; this is 24 days. */
const MAX_DELAY_MS = 0x7fff_ffff;

/** Whose timer it is. */
export interface TimerOwner {
  onTick(): void;
  /** `cleanup` runs when the owner has ended; at once if it has. */
  atEnd(cleanup: () => void): void;
}

/** One timer per owner, as `proxy_set_tick_period_milliseconds` has it. */
export class Timers {
  readonly #schedule: Schedule;
  readonly #timers = new Map<TimerOwner, TickTimer>();

  /** @param clock whose setTimer and clearTimer are used, if it has them */
  constructor(clock: Clock | undefined) {
    this.#schedule = scheduleOf(clock);
  }

  /** How many owners have had a timer and live on. */
  get size(): number {
    return this.#timers.size;
  }

  /** Starts the timer anew with that period; 0 stops it. */
  setPeriod(owner: TimerOwner, periodMs: number): void {
    const timer = this.#timers.get(owner) ?? this.#create(owner);
    timer.setPeriod(Math.min(periodMs, MAX_DELAY_MS));
  }

  #create(owner: TimerOwner): TickTimer {
    const timer = new TickTimer(owner, this.#schedule);
    this.#timers.set(owner, timer);
    owner.atEnd(() => {
      this.#timers.delete(owner);
      timer.close();
    });
    return timer;
  }
}

/**
 * Fires again and again, each time one period after the callback before has returned: so callbacks
 * never overlap, and what was missed while the event loop was busy is not caught up.
 */
class TickTimer {
  readonly #owner: TimerOwner;
  readonly #schedule: Schedule;
  #periodMs = 0;
  #cancel: (() => void) | undefined;
  #ticking = false;
  #closed = false;

  constructor(owner: TimerOwner, schedule: Schedule) {
    this.#owner = owner;
    this.#schedule = schedule;
  }

  setPeriod(periodMs: number): void {
    this.#periodMs = periodMs;
    // Inside the callback: it starts when that has returned.
    if (!this.#ticking) this.#arm();
  }

  close(): void {
    this.#closed = true;
    this.#cancel?.();
  }

  #arm(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    if (this.#periodMs === 0 || this.#closed) return;
    this.#cancel = this.#schedule(() => {
      this.#fire();
    }, this.#periodMs);
  }

  #fire(): void {
    this.#cancel = undefined;
    this.#ticking = true;
    try {
      this.#owner.onTick();
    } finally {
      this.#ticking = false;
      this.#arm();
    }
  }
}

/** Runs `callback` once after the delay, unless what it answers is called before. */
type Schedule = (callback: () => void, delayMs: number) => () => void;

function scheduleOf(clock: Clock | undefined): Schedule {
  if (clock?.setTimer === undefined) {
    return (callback, delayMs) => {
      // A filter that ticks is no reason for the process to stay.
      const timer = setTimeout(callback, delayMs).unref();
      return () => {
        clearTimeout(timer);
      };
    };
  }
  return (callback, delayMs) => {
    let cancelled = false;
    const timer = clock.setTimer?.(() => {
      if (!cancelled) callback();
    }, delayMs);
    return () => {
      cancelled = true;
      clock.clearTimer?.(timer);
    };
  };
}
