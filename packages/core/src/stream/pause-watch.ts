/** What is told when a pause has lasted too long: one direction of a stream at one filter. */
export interface PausedStage {
  /** When the pause is too long, on performance's clock; the watch's own. */
  pauseDeadlineMs: number;
  /** Called once, unless the pause has been ended before. */
  pauseExpired(): void;
}

/**
 * The pauses of one plugin's streams, oldest first: all may last equally long, so the first is the
 * first to expire, and one timer does for all. It only runs while something is paused.
 */
export class PauseWatch {
  readonly #limitMs: number;
  readonly #paused = new Set<PausedStage>();
  #timer: NodeJS.Timeout | undefined;

  /** @param limitMs how long a pause may last */
  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /** How many pauses are watched. */
  get size(): number {
    return this.#paused.size;
  }

  /** A pause begins, or begins anew. */
  begin(stage: PausedStage): void {
    this.#paused.delete(stage);
    this.#paused.add(stage);
    stage.pauseDeadlineMs = performance.now() + this.#limitMs;
    // Never cleared: pauses that come and go cost a timer per limit, not one each.
    if (this.#timer === undefined) this.#timer = this.#arm(this.#limitMs);
  }

  end(stage: PausedStage): void {
    this.#paused.delete(stage);
  }

  #arm(delayMs: number): NodeJS.Timeout {
    return setTimeout(() => {
      this.#expire();
    }, delayMs).unref();
  }

  #expire(): void {
    this.#timer = undefined;
    const nowMs = performance.now();
    for (const stage of this.#paused) {
      const leftMs = stage.pauseDeadlineMs - nowMs;
      if (leftMs > 0) {
        this.#timer = this.#arm(Math.ceil(leftMs));
        return;
      }
      this.#paused.delete(stage);
      stage.pauseExpired();
    }
  }
}
