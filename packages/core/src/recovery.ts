/** When to try again after a failure: soon, then ever more seldom. */

const BASE_DELAY_MS = 1000;
const MAX_DELAY_MS = 60_000;

/** A VM that has run this long has recovered, so that its next failure counts as the first. */
const STABLE_MS = 60_000;

export class Recovery {
  readonly #attempt: () => void;
  #failures = 0;
  #runningSince = now();
  #dueAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param attempt tries once; called by the timer, on its own */
  constructor(attempt: () => void) {
    this.#attempt = attempt;
  }

  /** Whether the next attempt may be made now. */
  get due(): boolean {
    return now() >= this.#dueAt;
  }

  /** A failure, of the VM or of an attempt: sets the time of the next attempt. */
  failed(): void {
    if (this.#failures > 0 && now() - this.#runningSince > STABLE_MS) this.#failures = 0;
    const delayMs = jitter(Math.min(BASE_DELAY_MS * 2 ** this.#failures, MAX_DELAY_MS));
    this.#failures += 1;
    this.#dueAt = now() + delayMs;
    this.stop();
    this.#timer = setTimeout(this.#attempt, delayMs);
    // A plugin that waits is no reason for the process to stay.
    this.#timer.unref();
  }

  succeeded(): void {
    this.stop();
    this.#runningSince = now();
  }

  /** No attempt is made on its own any more. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}

/** Between the delay and half as much again, so that many plugins do not try at once. */
function jitter(delayMs: number): number {
  return delayMs * (1 + Math.random() / 2);
}

function now(): number {
  return performance.now();
}
