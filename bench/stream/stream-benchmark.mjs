/** In process: one whole stream per filter, in the host and on the floor. */
import { measureInChild } from '../child.mjs';
import { exampleFilters } from '../filters.mjs';
import { median } from '../statistics.mjs';

/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {import('./filter.child.mjs').FilterJob} FilterJob */
/** @typedef {import('./filter.child.mjs').FilterResult} FilterResult */
/** @typedef {import('./several.child.mjs').SeveralResult} SeveralResult */

/** At most so many times the floor. */
const GOAL = 1.25;

const FILTER_SCRIPT = new URL('filter.child.mjs', import.meta.url);
const SEVERAL_SCRIPT = new URL('several.child.mjs', import.meta.url);

/** @type {readonly Omit<FilterJob, 'effort'>[]} */
const JOBS = [
  ...exampleFilters.map(({ name, configuration }) => ({
    filter: name,
    ...(configuration !== undefined && { configuration }),
  })),
  { filter: 'no-op', guest: true },
];

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function streamBenchmark({ launches, effort, judged }, progress) {
  /** @type {Map<string, FilterResult[]>} */
  const results = new Map(JOBS.map(({ filter }) => [filter, []]));
  /** @type {SeveralResult[]} */
  const several = [];
  for (let launch = 1; launch <= launches; launch += 1) {
    progress(`stream: launch ${launch} of ${launches}`);
    for (const job of JOBS) {
      results.get(job.filter)?.push(await measureInChild(FILTER_SCRIPT, { ...job, effort }));
    }
    several.push(await measureInChild(SEVERAL_SCRIPT, { effort }));
  }
  return [filterSection(results, judged), severalSection(several, results)];
}

/**
 * @param {Map<string, FilterResult[]>} results
 * @param {boolean} judged
 * @returns {Section}
 */
function filterSection(results, judged) {
  const rows = [...results].map(([filter, launches]) => {
    const ratio = median(launches.map(({ ratio: of }) => of));
    return {
      filter,
      'host ns': median(launches.map(({ host }) => host.median)),
      'floor ns': median(launches.map(({ floor }) => floor.median)),
      'host min': Math.min(...launches.map(({ host }) => host.min)),
      'floor min': Math.min(...launches.map(({ floor }) => floor.min)),
      'host / floor': ratio,
      goal: judged && filter !== 'no-op' ? verdict(ratio) : '',
    };
  });
  return {
    id: 'stream',
    title: 'One whole stream in process: 14 request headers, 6 response headers, no bodies',
    note: 'floor: the same module driven by hand with the cheapest hostcalls; medians over launches',
    rows,
    raw: Object.fromEntries(results),
  };
}

/** @param {number} ratio */
function verdict(ratio) {
  return ratio <= GOAL ? 'reached' : `missed (${GOAL})`;
}

/**
 * @param {readonly SeveralResult[]} launches
 * @param {Map<string, FilterResult[]>} alone
 * @returns {Section}
 */
function severalSection(launches, alone) {
  const rows = exampleFilters.map(({ name }) => {
    const together = median(launches.map((result) => result[name]?.median ?? NaN));
    const own = median((alone.get(name) ?? []).map(({ host }) => host.median));
    return { filter: name, 'ns with the others': together, 'ns alone': own, ratio: together / own };
  });
  return {
    id: 'stream-several',
    title: 'The same with all filters in one process (for information)',
    note: 'call sites then see several instances, which V8 calls more slowly',
    rows,
    raw: launches,
  };
}
