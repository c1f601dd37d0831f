import { createHistogram } from 'node:perf_hooks';

/** @typedef {{ p99Ms: number, maxMs: number }} LoopDelay */

const EVERY_MS = 5;
const MICROSECONDS = 1000;

/**
 * How late the event loop of this process is, in all the time between its starts and stops: Node's own
 * monitor takes the time between a stop and the next start for a delay.
 */
export class LoopDelayMeter {
  #delays = createHistogram();
  /** @type {NodeJS.Timeout | undefined} */
  #timer;

  start() {
    let last = performance.now();
    this.#timer = setInterval(() => {
      const now = performance.now();
      this.#delays.record(Math.max(1, Math.round((now - last) * MICROSECONDS)));
      last = now;
    }, EVERY_MS);
    return {};
  }

  /** @returns {LoopDelay} */
  stop() {
    clearInterval(this.#timer);
    const [p99, max] = [this.#delays.percentile(99), this.#delays.max];
    return { p99Ms: p99 / MICROSECONDS, maxMs: max / MICROSECONDS };
  }
}
