import { monitorEventLoopDelay } from 'node:perf_hooks';

/** @typedef {{ p99Ms: number, maxMs: number }} LoopDelay */

const RESOLUTION_MS = 5;
const NANOSECONDS = 1e6;

/** How late the event loop of this process is, in all the time between its starts and stops. */
export class LoopDelayMeter {
  #delay = monitorEventLoopDelay({ resolution: RESOLUTION_MS });

  start() {
    this.#delay.enable();
    return {};
  }

  /** @returns {LoopDelay} */
  stop() {
    this.#delay.disable();
    const [p99Ms, maxMs] = [this.#delay.percentile(99), this.#delay.max];
    return { p99Ms: p99Ms / NANOSECONDS, maxMs: maxMs / NANOSECONDS };
  }
}
