/** A filter that looks at requests only must cost nothing where responses go. */
import assert from 'node:assert/strict';

import { compare, launchInTurns } from '../http/launches.mjs';

/** @typedef {import('../http/launches.mjs').Launch} Launch */
/** @typedef {import('../http/launches.mjs').Side} Side */
/** @typedef {import('../http/server.mjs').LaunchedServer} LaunchedServer */
/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */

const SERVER = new URL('server.child.mjs', import.meta.url);

const ANSWERS = {
  '/large': '1 MiB in one piece',
  '/chunked': '64 chunks of 1 KiB',
};

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function responsePathBenchmark({ launches, load }, progress) {
  /** @type {Record<string, Launch[]>} */
  const results = {};
  for (const path of Object.keys(ANSWERS)) {
    const sides = [sideOf('none', false, path), sideOf('filter', true, path)];
    results[path] = await launchInTurns(SERVER, sides, { ...load, launches }, (line) =>
      progress(`response path ${path}: ${line}`),
    );
  }
  return [sectionOf(results)];
}

/**
 * @param {string} name
 * @param {boolean} filter
 * @param {string} path
 * @returns {Side}
 */
function sideOf(name, filter, path) {
  return { name, job: { filter }, path, check: checkUntouched };
}

/**
 * The app has the very functions that Node gave the response.
 *
 * @param {LaunchedServer} server
 */
async function checkUntouched(server) {
  const { body } = await server.request('/touched', {});
  assert.deepEqual(JSON.parse(body.toString()), [], 'functions of the response were replaced');
}

/**
 * @param {Record<string, Launch[]>} results
 * @returns {Section}
 */
function sectionOf(results) {
  const rows = Object.entries(ANSWERS).flatMap(([path, answer]) =>
    ['none', 'filter'].map((side) => {
      const figures = compare(results[path] ?? [], side, 'none');
      return {
        answer,
        side,
        'requests/s': figures.requestsPerSecond,
        'CPU us/request': figures.cpuUs,
        'CPU / none': figures.cpuRatio,
        'methods replaced': 'none of 5',
      };
    }),
  );
  return {
    id: 'response-path',
    title: 'Response path of a filter that exports only a request callback (node:http)',
    note: 'the request side of such a filter is in these figures, the response side must not be',
    rows,
    raw: results,
  };
}
