import type { FailedAttempt, HttpAnswer } from './http-client.js';
import type { SourceSettings } from './source-settings.js';

/** Whether and when one request is made again. */
export class Attempts {
  /** Those that were begun. */
  count = 0;
  readonly #settings: SourceSettings;

  constructor(settings: SourceSettings) {
    this.#settings = settings;
  }

  /**
   * Waits until it is time for another attempt.
   *
   * @returns false, at once: there is to be none
   */
  async another(outcome: HttpAnswer | FailedAttempt): Promise<boolean> {
    const { retries, retryBackoff } = this.#settings;
    if (this.count > retries) return false;
    const askedMs = 'status' in outcome ? waitAskedFor(outcome) : 0;
    if (askedMs === undefined || askedMs > retryBackoff.maxIntervalMs) return false;
    await new Promise((resolve) => setTimeout(resolve, Math.max(askedMs, this.#delayMs())));
    return true;
  }

  /** As Envoy's: any time up to a bound that doubles, so that many do not come at once. */
  #delayMs(): number {
    const { baseIntervalMs, maxIntervalMs } = this.#settings.retryBackoff;
    return Math.random() * Math.min(baseIntervalMs * 2 ** (this.count - 1), maxIntervalMs);
  }
}

/** Milliseconds; undefined: another attempt would not end otherwise. */
function waitAskedFor({ status, headers }: HttpAnswer): number | undefined {
  if (status !== 429 && status < 500) return undefined;
  const text = headers['retry-after'];
  if (typeof text !== 'string') return 0;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? 0 : Math.max(0, date - Date.now());
}
