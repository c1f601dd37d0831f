/** What the limit of a callback's time costs: the checks in the module's code, and putting them there. */
import { measureInChild } from '../child.mjs';
import { exampleFilters } from '../filters.mjs';
import { median } from '../statistics.mjs';

/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {import('./limits.child.mjs').LimitsResult} LimitsResult */

const STREAM_SCRIPT = new URL('limits.child.mjs', import.meta.url);
const LOAD_SCRIPT = new URL('load.child.mjs', import.meta.url);

const STREAM_GOAL = 1.1;
const COMPUTE_GOAL = 1.35;
const LOAD_GOAL = 1.5;

/** 2.5 MB, from Go. */
const LARGE = 'hello';

const JOBS = [
  ...exampleFilters.map((filter) => ({ ...filter, goal: STREAM_GOAL })),
  { name: 'compute', guest: true, goal: COMPUTE_GOAL },
];

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function limitsBenchmark({ launches, effort, judged }, progress) {
  /** @type {Map<string, LimitsResult[]>} */
  const results = new Map(JOBS.map(({ name }) => [name, []]));
  /** @type {{ plain: number, woven: number }[]} */
  const loads = [];
  for (let launch = 1; launch <= launches; launch += 1) {
    progress(`limits: launch ${launch} of ${launches}`);
    for (const job of JOBS) {
      results.get(job.name)?.push(await measureInChild(STREAM_SCRIPT, { ...job, effort }));
    }
    loads.push({ plain: await loadMs(false), woven: await loadMs(true) });
  }
  return [streamSection(results, judged), loadSection(loads, judged)];
}

/** @param {boolean} limited @returns {Promise<number>} */
async function loadMs(limited) {
  const { ms } = await measureInChild(LOAD_SCRIPT, { filter: LARGE, limited });
  return ms;
}

/** @param {Map<string, LimitsResult[]>} results @param {boolean} judged @returns {Section} */
function streamSection(results, judged) {
  const rows = JOBS.map(({ name, goal }) => {
    const launches = results.get(name) ?? [];
    const ratio = median(launches.map((each) => each.ratio));
    return {
      filter: name,
      'limited ns': median(launches.map(({ limited }) => limited.median)),
      'free ns': median(launches.map(({ free }) => free.median)),
      'limited / free': ratio,
      goal: judged ? verdict(ratio, goal) : '',
    };
  });
  return {
    id: 'limits',
    title: 'One whole stream in process, with a limit of its callbacks’ time and without',
    note: 'compute: a callback of 262,144 rounds with one load each; medians over launches',
    rows,
    raw: Object.fromEntries(results),
  };
}

/** @param {{ plain: number, woven: number }[]} loads @param {boolean} judged @returns {Section} */
function loadSection(loads, judged) {
  const plain = median(loads.map((each) => each.plain));
  const woven = median(loads.map((each) => each.woven));
  const ratio = woven / plain;
  return {
    id: 'limits-load',
    title: 'The first plugin of a process, with a module of 2.5 MB',
    note: 'read, checked, woven, compiled, started; medians over fresh processes',
    rows: [
      {
        filter: LARGE,
        'woven ms': woven,
        'plain ms': plain,
        'woven / plain': ratio,
        goal: judged ? verdict(ratio, LOAD_GOAL) : '',
      },
    ],
    raw: loads,
  };
}

/** @param {number} ratio @param {number} goal */
function verdict(ratio, goal) {
  return ratio <= goal ? 'reached' : `missed (${goal})`;
}
