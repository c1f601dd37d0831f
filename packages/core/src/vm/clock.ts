const NS_PER_MS = 1_000_000n;
/** How far the computed time may stray from the system's before it is set anew. */
const TOLERANCE_MS = 2;

let wallNs = 0n;
let monotonicNs = 0n;

/**
 * Wall-clock time, nanoseconds since the Unix epoch. The system's clock counts milliseconds; in
 * between goes the monotonic one, so that a guest can measure how long something took.
 */
export function wallClockNs(): bigint {
  const nowMs = Date.now();
  const elapsedNs = process.hrtime.bigint() - monotonicNs;
  const computedNs = wallNs + elapsedNs;
  if (Math.abs(Number(computedNs / NS_PER_MS) - nowMs) <= TOLERANCE_MS) return computedNs;
  wallNs = BigInt(nowMs) * NS_PER_MS;
  monotonicNs += elapsedNs;
  return wallNs;
}
