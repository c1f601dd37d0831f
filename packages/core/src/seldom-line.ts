/** One event after the other must not fill the log. */
const INTERVAL_MS = 10_000;

/** A line that is written at most once in ten seconds, and then says how many were not. */
export class SeldomLine {
  #lastMs = -Infinity;
  #skipped = 0;

  /** @param write gets ' (and 7 more before it)', or '' */
  log(write: (others: string) => void): void {
    const nowMs = performance.now();
    if (nowMs - this.#lastMs < INTERVAL_MS) {
      this.#skipped += 1;
      return;
    }
    this.#lastMs = nowMs;
    const others = this.#skipped === 0 ? '' : ` (and ${String(this.#skipped)} more before it)`;
    this.#skipped = 0;
    write(others);
  }
}
