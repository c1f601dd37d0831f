/**
 * How often a fuzz test tries: few times among the unit tests, as often as `FUZZ_FACTOR` says in a
 * nightly run (`node scripts/fuzz.mjs`).
 */
export function fuzzRuns(usual: number): number {
  return usual * Number(process.env['FUZZ_FACTOR'] ?? 1);
}

/** Long runs take long. */
export const FUZZ_TIMEOUT_MS = 20_000 * Number(process.env['FUZZ_FACTOR'] ?? 1);
