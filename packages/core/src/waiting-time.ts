let waitedMs = 0;

/** How long guests of this thread have waited for what is not theirs: another thread, a package. */
export function waitedTimeMs(): number {
  return waitedMs;
}

/** Says that a guest of this thread has waited: the time does not count against its callback. */
export function addWaitingTime(timeMs: number): void {
  waitedMs += timeMs;
}
