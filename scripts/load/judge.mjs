/** What must hold; each function answers what does not. */

/** @typedef {import('./kept.mjs').Memory} Memory */
/** @typedef {import('./server.child.mjs').Closed} Closed */
/** @typedef {import('./server.child.mjs').Counts} Counts */
/** @typedef {import('./server.child.mjs').Idleness} Idleness */
/** @typedef {import('./steady-load.mjs').LoadResult} LoadResult */

const MIB = 1024 * 1024;

/**
 * How far two readings of a process that keeps nothing may lie apart. The heap and what it holds
 * outside are read after collections: a leak of 50 bytes per request shows. The resident set is what
 * the allocator has not given back, and varies more. Guests collect their garbage when
 * they like, and never give memory back: a few pieces more at once, and they have grown.
 *
 * @type {Memory}
 */
const TOLERANCE = { heap: MIB, outside: MIB, guests: 4 * MIB, rss: 24 * MIB };

/** In a shorter run code is still being compiled: its figures are shown, not judged. */
const SHORTEST_JUDGED_SECONDS = 10;

/** @param {LoadResult} load */
export function judgeLoad({ requests, errors }) {
  if (errors > 0) return [`${errors} of ${requests} requests failed`];
  return requests === 0 ? ['nothing was requested'] : [];
}

/** Whether a run is long enough for its memory to be judged. @param {number} seconds of load */
export function isJudged(seconds) {
  return seconds >= SHORTEST_JUDGED_SECONDS;
}

/** @param {string} what @param {Memory} before @param {Memory} after */
export function judgeGrowth(what, before, after) {
  const kinds = /** @type {(keyof Memory)[]} */ (Object.keys(TOLERANCE));
  return kinds
    .filter((kind) => after[kind] - before[kind] > TOLERANCE[kind])
    .map((kind) => `${kind} grew by ${inMib(after[kind] - before[kind])} MiB with ${what}`);
}

/** @param {number} bytes */
export function inMib(bytes) {
  return (bytes / MIB).toFixed(1);
}

/** @param {Idleness} idleness @param {Counts} counts */
export function judgeAborts({ idle, connections, streams, contexts }, { created, deleted }) {
  /** @type {string[]} */
  const failures = [];
  if (!idle) failures.push(`${connections} connections and ${streams} streams are left`);
  // Each plugin has a VM of its own, in which only its own context is left.
  if (contexts.some((count) => count !== 1)) failures.push(`contexts left: ${contexts.join(', ')}`);
  if (!(created > 1)) failures.push('the counting filter has counted nothing');
  // The request that asked was not over when it was answered.
  if (created !== deleted + 1) failures.push(`created ${created}, deleted ${deleted}`);
  return failures;
}

/** @param {Closed & { exit: string }} closed */
export function judgeClose({ leftOpen, errors, exit }) {
  const failures = errors.map((error) => `error: ${error}`);
  if (leftOpen.length > 0) failures.push(`open after close: ${leftOpen.join(', ')}`);
  if (exit !== 'exit code 0') failures.push(`after close: ${exit}`);
  return failures;
}
