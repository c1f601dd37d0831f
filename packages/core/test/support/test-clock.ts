import type { Clock } from '../../src/index.js';

interface TestTimer {
  readonly dueMs: number;
  readonly callback: () => void;
}

/** A clock that stands still until it is told to move on; it begins at the epoch. */
export class TestClock implements Required<Clock> {
  readonly #timers = new Set<TestTimer>();
  #nowMs = 0;

  nowNs(): bigint {
    return BigInt(this.#nowMs) * 1_000_000n;
  }

  setTimer(callback: () => void, delayMs: number): TestTimer {
    const timer = { dueMs: this.#nowMs + delayMs, callback };
    this.#timers.add(timer);
    return timer;
  }

  clearTimer(timer: unknown): void {
    this.#timers.delete(timer as TestTimer);
  }

  /** Timers that wait. */
  get waiting(): number {
    return this.#timers.size;
  }

  /** Moves on, and runs the timers that fall due on the way, each at its time. */
  advance(ms: number): void {
    const endMs = this.#nowMs + ms;
    for (;;) {
      const [next] = [...this.#timers].sort((a, b) => a.dueMs - b.dueMs);
      if (next === undefined || next.dueMs > endMs) break;
      this.#timers.delete(next);
      this.#nowMs = Math.max(this.#nowMs, next.dueMs);
      next.callback();
    }
    this.#nowMs = endMs;
  }
}
