/** What must hold after a soak; each function answers what does not. */
import { judgeGrowth } from '../load/judge.mjs';

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
 * Go's guests grow for a while, until their first collections, and code is still being compiled: in a
 * shorter run the size of guests is only shown, and the heap may grow by a little more.
 */
const SETTLED_SECONDS = 600;
const UNSETTLED_HEAP_BYTES = 1024 * 1024;

/** @param {Report} report @param {Traffic} traffic */
export function judgeTraffic({ sites, consumed, errors, notWell }, traffic) {
  const { requests, sent, errors: failed } = traffic.examples;
  const failures = [...errors, ...notWell];
  if (failed > 0) failures.push(`examples: ${failed} of ${requests} requests failed`);
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

/** @param {Memory} warm @param {Memory} after @param {number} seconds */
export function judgeMemory(warm, after, seconds) {
  if (seconds >= SETTLED_SECONDS) return judgeGrowth('the soak', warm, after);
  const heap = after.heap - UNSETTLED_HEAP_BYTES;
  return judgeGrowth('the soak', warm, { ...after, heap, guests: warm.guests });
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
