import { ProxyWasmError } from '../errors.js';

interface Failure {
  readonly error: ProxyWasmError;
  readonly atMs: number;
  readonly untilMs: number;
}

/** Sources that failed a moment ago, and are not asked again for a while. Envoy's negative cache. */
export class FailedSources {
  readonly #failures = new Map<string, Failure>();

  add(key: string, error: ProxyWasmError, forMs: number): void {
    const atMs = performance.now();
    for (const [other, { untilMs }] of this.#failures) {
      if (untilMs <= atMs) this.#failures.delete(other);
    }
    this.#failures.set(key, { error, atMs, untilMs: atMs + forMs });
  }

  delete(key: string): void {
    this.#failures.delete(key);
  }

  /** What the source failed with, if it is not to be asked now. */
  find(key: string): ProxyWasmError | undefined {
    const failure = this.#failures.get(key);
    const nowMs = performance.now();
    if (failure === undefined || failure.untilMs <= nowMs) return undefined;
    const { error, atMs, untilMs } = failure;
    return new ProxyWasmError(
      error.code,
      `${error.message} (that was ${seconds(nowMs - atMs)} ago; the source is asked again in ` +
        `${seconds(untilMs - nowMs)}, see codeSource.negativeCacheMs, or by reload())`,
      { cause: error.cause },
    );
  }
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(1)} s`;
}
