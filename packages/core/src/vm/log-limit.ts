const WINDOW_MS = 1000;

export interface LogLimitListener {
  /** One line was dropped. */
  dropped(): void;
  /** Lines pass again, and so many did not; or no more will come. */
  report(dropped: number): void;
}

/**
 * How many lines a VM may still log. The clock is read only when they have run out: up to
 * `linesPerSecond` pass, and after that as many again once a second has gone since the last time.
 */
export class LogLimit {
  readonly #linesPerSecond: number;
  readonly #listener: LogLimitListener | undefined;
  #left: number;
  #since = -Infinity;
  #dropped = 0;

  /**
   * @param linesPerSecond false: no limit
   */
  constructor(linesPerSecond: number | false, listener?: LogLimitListener) {
    this.#linesPerSecond = linesPerSecond === false ? Infinity : linesPerSecond;
    this.#left = linesPerSecond === false ? Infinity : 0;
    this.#listener = listener;
  }

  /** Whether one more line may be logged now. */
  take(): boolean {
    if (this.#left > 0) {
      this.#left -= 1;
      return true;
    }
    const nowMs = performance.now();
    if (nowMs - this.#since < WINDOW_MS) {
      this.#dropped += 1;
      this.#listener?.dropped();
      return false;
    }
    this.#since = nowMs;
    this.#left = this.#linesPerSecond - 1;
    this.report();
    return true;
  }

  /** Tells of what was dropped, if anything was. */
  report(): void {
    const dropped = this.#dropped;
    this.#dropped = 0;
    if (dropped > 0) this.#listener?.report(dropped);
  }
}
