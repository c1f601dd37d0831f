import type { PluginLog } from './plugin-log.js';
import { LogLimit } from './vm/log-limit.js';

/** More than a plugin with the default backoff can come to. */
const ENTRIES_PER_SECOND = 5;

/** A plugin's failures in the log: one entry for each, and a count of those beyond a few a second. */
export class FailureLog {
  readonly #log: () => PluginLog;
  readonly #limit: LogLimit;

  constructor(name: string, log: () => PluginLog) {
    this.#log = log;
    this.#limit = new LogLimit(ENTRIES_PER_SECOND, {
      dropped: () => undefined,
      report: (dropped) => {
        log().warn(`plugin "${name}": ${String(dropped)} more failures were not logged`);
      },
    });
  }

  /** @param error undefined: the message tells all */
  write(message: string, error: unknown): void {
    if (this.#limit.take()) this.#log().error(message, error);
  }

  /** Tells how many were not logged, since no more will come. */
  close(): void {
    this.#limit.report();
  }
}
