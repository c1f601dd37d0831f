/** What is kept in memory. */
import { measureInChild } from '../child.mjs';

/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').MemoryCounts} MemoryCounts */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {import('./memory.child.mjs').Kept} Kept */
/** @typedef {{ early: number, late: number, guestGrowth: number }} Heaps */

const SCRIPT = new URL('memory.child.mjs', import.meta.url);
const KIB = 1024;

/** A lean filter, and one with a language's whole runtime in it. */
const FILTERS = ['add-headers', 'hello'];

/** Two readings of an unchanged heap differ by less than this. */
const SAME_BYTES = 256 * KIB;

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function memoryBenchmark({ memory: counts, judged }, progress) {
  /** @type {import('../report.mjs').Row[]} */
  const kept = [];
  /** @type {import('../report.mjs').Row[]} */
  const leaks = [];
  for (const filter of FILTERS) {
    progress(`memory: ${filter}`);
    const measure = measureOf(filter, counts);
    const plugin = /** @type {Kept} */ (await measure('plugins'));
    const stream = /** @type {Kept} */ (await measure('streams'));
    kept.push(...keptRows(filter, { plugin, stream }));
    leaks.push(leakRow(filter, /** @type {Heaps} */ (await measure('requests')), judged));
  }
  return [keptSection(kept, counts), leakSection(leaks, counts)];
}

/** @param {string} filter @param {MemoryCounts} counts */
function measureOf(filter, counts) {
  return (/** @type {'plugins' | 'streams' | 'requests'} */ what) =>
    measureInChild(SCRIPT, { what, filter, counts }, { execArgv: ['--expose-gc'] });
}

/** @param {string} filter @param {Record<string, Kept>} measured */
function keptRows(filter, measured) {
  return Object.entries(measured).map(([what, { heap, guest }]) => ({
    filter,
    'one more': what,
    'heap KiB': heap / KIB,
    "guest's memory KiB": guest / KIB,
  }));
}

/** @param {string} filter @param {Heaps} heaps @param {boolean} judged */
function leakRow(filter, { early, late, guestGrowth }, judged) {
  const growth = late - early;
  return {
    filter,
    'early KiB': early / KIB,
    'late KiB': late / KIB,
    'growth KiB': growth / KIB,
    "guest's growth KiB": guestGrowth / KIB,
    goal: judged ? (growth <= SAME_BYTES ? 'reached' : `missed (${SAME_BYTES / KIB} KiB)`) : '',
  };
}

/** @param {import('../report.mjs').Row[]} rows @param {MemoryCounts} counts @returns {Section} */
function keptSection(rows, { plugins, streams }) {
  return {
    id: 'memory-kept',
    title: 'Bytes kept, after collection',
    note: `idle plugins: the mean of ${plugins} of one module; open streams: of ${streams}, headers not counted`,
    rows,
    raw: rows,
  };
}

/** @param {import('../report.mjs').Row[]} rows @param {MemoryCounts} counts @returns {Section} */
function leakSection(rows, { early, late }) {
  return {
    id: 'memory-requests',
    title: `The heap after ${late} requests is what it was after ${early}`,
    note: 'in process, one after the other',
    rows,
    raw: rows,
  };
}
