/** When to try again after a failure: soon, then ever more seldom. */
import type { ProxyWasmError } from './errors.js';
import type { ReloadBackoff, ResolvedPluginOptions } from './options.js';

/** Whether another attempt may end otherwise. Bytes that are no module that runs here never will. */
export function mayHeal(
  failure: ProxyWasmError | undefined,
  { code }: Pick<ResolvedPluginOptions, 'code'>,
): boolean {
  const reason = failure?.code ?? '';
  if (reason === 'PW_ERR_OPTIONS_INVALID' || reason === 'PW_ERR_CODE_SCHEME') return false;
  const isFile = typeof code === 'string' || code instanceof URL;
  return isFile || !/^PW_ERR_(?:CODE|MODULE)_/.test(reason);
}

/** A VM that has run this long has recovered, so that its next failure counts as the first. */
const STABLE_MS = 60_000;

export class Recovery {
  readonly #attempt: () => void;
  readonly #backoff: Required<ReloadBackoff>;
  #failures = 0;
  #runningSince = now();
  #dueAt = 0;
  #timer: NodeJS.Timeout | undefined;

  /** @param attempt tries once; called by the timer, on its own */
  constructor(backoff: Required<ReloadBackoff>, attempt: () => void) {
    this.#backoff = backoff;
    this.#attempt = attempt;
  }

  /** Whether the next attempt may be made now. */
  get due(): boolean {
    return now() >= this.#dueAt;
  }

  /** A failure, of the VM or of an attempt: sets the time of the next attempt. */
  failed(): void {
    if (this.#failures > 0 && now() - this.#runningSince > STABLE_MS) this.#failures = 0;
    const { baseIntervalMs, maxIntervalMs } = this.#backoff;
    const delayMs = jitter(Math.min(baseIntervalMs * 2 ** this.#failures, maxIntervalMs));
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
