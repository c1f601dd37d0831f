import { ProxyWasmError } from './errors.js';

/** How long a start may take, from loading to the self-test, in wall time. */
export class StartDeadline {
  readonly #limitMs: number;
  readonly #beganMs = performance.now();

  constructor(limitMs: number) {
    this.#limitMs = limitMs;
  }

  /**
   * Waits for `work` until the time is up. What has begun can't be stopped: its result is dropped.
   *
   * @param step what takes so long, as the error names it
   * @throws ProxyWasmError PW_ERR_START_TIMEOUT
   */
  async wait<T>(work: Promise<T>, step: string): Promise<T> {
    const leftMs = Math.max(0, this.#limitMs - this.#elapsedMs());
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_, reject) => {
      timer = setTimeout(() => {
        reject(this.#error(step));
      }, leftMs);
    });
    try {
      return await Promise.race([work, late]);
    } finally {
      clearTimeout(timer);
    }
  }

  /** After work that can't be interrupted. Throws as {@link wait}. */
  check(step: string): void {
    if (this.#elapsedMs() > this.#limitMs) throw this.#error(step);
  }

  #elapsedMs(): number {
    return performance.now() - this.#beganMs;
  }

  #error(step: string): ProxyWasmError {
    return new ProxyWasmError(
      'PW_ERR_START_TIMEOUT',
      `the start took longer than ${String(this.#limitMs)} ms (limits.startTimeMs), in ${step}; ` +
        'raise the limit if the module needs that long',
    );
  }
}
