/** What must hold after a soak; each function answers what does not. */
import { inMib, judgeGrowth } from '../load/judge.mjs';

/** @typedef {import('../load/kept.mjs').Memory} Memory */
/** @typedef {import('./failing-site.mjs').SiteCounts} SiteCounts */
/** @typedef {import('./loop-delay.mjs').LoopDelay} LoopDelay */
/** @typedef {import('./server.child.mjs').Report} Report */
/** @typedef {import('./server.mjs').Closed} Closed */
/** @typedef {import('./site-client.mjs').Answers} Answers */
/** @typedef {import('./traffic.mjs').Traffic} Traffic */

/** Each site has to fail so often, or the run was too short to say anything. */
export const FEWEST_FAILURES = 2;
/** How late the event loop may be beyond the longest callback, at the 99th percentile, and beyond
 * what the machine itself does to a process. */
const DELAY_MS = 20;
/**
 * Guests that collect their garbage grow for some 200,000 requests until they have the heap that they
 * want (the Go examples: 8 MiB each), and stay there. What leaks grows by more than that in an hour.
 */
const GUEST_GROWTH_BYTES = 8 * 1024 * 1024;
/**
 * What V8 still learns of the code while it runs, beyond what a load of one kind allows for: 0.4 to
 * 1.7 MiB were measured. A leak of 30 bytes with each request passes it within the hour.
 */
const HEAP_SLACK_BYTES = 2 * 1024 * 1024;

/** @param {Report} report @param {Traffic} traffic */
export function judgeTraffic({ sites, consumed, errors, notWell }, traffic) {
  const { requests, sent, errors: failed, unexpected } = traffic.examples;
  const failures = [...errors, ...notWell];
  if (failed > 0)
    failures.push(`examples: ${failed} of ${requests} requests failed: ${unexpected.join('; ')}`);
  if (requests === 0 || traffic.lines === 0) failures.push('examples: nothing was requested');
  // What a client has left, or cut off at the end of a stretch, may have been counted.
  const most = sent + traffic.left;
  if (consumed < requests || consumed > most) {
    failures.push(
      `the queue's consumer has counted ${consumed} requests, not ${requests} to ${most}`,
    );
  }
  for (const [name, counts] of Object.entries(sites)) {
    const answers = /** @type {Answers} */ (traffic.sites[name]);
    failures.push(...judgeSite(counts, answers).map((failure) => `${name}: ${failure}`));
  }
  return failures;
}

/** @param {SiteCounts} counts @param {Answers} answers */
function judgeSite(counts, answers) {
  const { policy, every, requests, marked, filtered, unfiltered, failures, recoveries } = counts;
  const refused = requests - filtered - unfiltered;
  // Each VM lets all requests through but its last.
  const expected = Math.floor((marked + failures) / every);
  /** @type {[string, number, number][]} */
  const equal = [
    ['requests', answers.requests, requests],
    ['answers of the app, filtered', answers.filtered, filtered],
    ['answers of the app, unfiltered', answers.unfiltered, unfiltered],
    ['answers 503', answers.refused, refused],
    ['failures of the plugin', failures, expected],
    ['recoveries', recoveries, failures],
  ];
  if (policy === 'fail-open') equal.push(['requests refused', refused, 0]);
  else equal.push(['requests let through unfiltered', unfiltered, 0]);
  const unequal = equal.filter(([, found, wanted]) => found !== wanted);
  const lines = unequal.map(([what, found, wanted]) => `${found} ${what}, not ${wanted}`);
  if (failures < FEWEST_FAILURES) lines.push(`it failed only ${failures} times: run it for longer`);
  if (policy !== 'fail-open' && refused < failures)
    lines.push('a request that failed was answered');
  return [...counts.wrong, ...answers.wrong, ...lines];
}

/** @typedef {Memory & { each: Record<string, number> }} Reading each: of the guests, by name */

/** @param {Reading} warm @param {Reading} after */
export function judgeMemory(warm, after) {
  // The guests' memory is part of the process's, and judged by itself.
  const rss = after.rss - (after.guests - warm.guests);
  const heap = after.heap - HEAP_SLACK_BYTES;
  const own = { rss, heap, outside: after.outside, guests: warm.guests };
  const grown = Object.entries(after.each)
    .map(([name, size]) => ({ name, by: size - (warm.each[name] ?? 0) }))
    .filter(({ by }) => by > GUEST_GROWTH_BYTES)
    .map(({ name, by }) => `the guest ${name} grew by ${inMib(by)} MiB`);
  return [...judgeGrowth('the soak', warm, own), ...grown];
}

/**
 * @param {LoopDelay} delay
 * @param {LoopDelay} anyway what a process without filters has at the same time
 * @param {number} callbackTimeMs
 */
export function judgeDelay({ p99Ms }, anyway, callbackTimeMs) {
  const limitMs = callbackTimeMs + DELAY_MS + anyway.p99Ms;
  if (p99Ms < limitMs) return [];
  return [`the event loop's p99 delay is ${p99Ms.toFixed(1)} ms, not below ${limitMs.toFixed(1)}`];
}

/** @param {Closed} closed */
export function judgeClose({ leftOpen, errors, exit }) {
  const failures = [...errors];
  if (leftOpen.length > 0) failures.push(`open after close: ${leftOpen.join(', ')}`);
  if (exit !== 'exit code 0') failures.push(`after close: ${exit}`);
  return failures;
}
