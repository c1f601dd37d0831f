/** What bodies cost that pass a filter: small and big ones, up and down, read by the guest or not. */
import assert from 'node:assert/strict';

import { canPin } from '../child.mjs';
import { compare, launchInTurns } from '../http/launches.mjs';

/** @typedef {import('../http/launches.mjs').Launch} Launch */
/** @typedef {import('../http/launches.mjs').Side} Side */
/** @typedef {import('../report.mjs').Row} Row */
/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {{ framework: string, direction: string, bytes: number }} Workload */

const SERVER = new URL('server.child.mjs', import.meta.url);
const CLIENT = new URL('transfer.child.mjs', import.meta.url);
const FRAMEWORKS = ['node:http', 'Express 5'];
const DIRECTIONS = ['up', 'down'];
/** Sides by name, with their guests. @type {Record<string, string | null>} */
const SIDES = { none: null, 'not read': 'pass-bodies', read: 'read-bodies' };

const GOAL = 0.8;
const MB = 1e6;
/** Four bodies of 100 MB are under way: were they kept, more than this would be needed. */
const CONSTANT_BYTES = 50 * MB;

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function bodiesBenchmark({ launches, load, judged, bodyBytes }, progress) {
  /** @type {Section[]} */
  const sections = [];
  for (const framework of FRAMEWORKS) {
    /** @type {{ workload: Workload, results: Launch[] }[]} */
    const measured = [];
    for (const direction of DIRECTIONS) {
      for (const bytes of bodyBytes) {
        const workload = { framework, direction, bytes };
        const sides = Object.keys(SIDES).map((name) => sideOf(workload, name));
        const spell = { ...load, launches, client: CLIENT };
        const results = await launchInTurns(SERVER, sides, spell, (line) =>
          progress(`${framework}, ${bytes / MB} MB ${direction}: ${line}`),
        );
        measured.push({ workload, results });
      }
    }
    sections.push(sectionOf(framework, measured, judged));
  }
  return sections;
}

/** @param {Workload} workload @param {string} name @returns {Side} */
function sideOf({ framework, direction, bytes }, name) {
  const guest = SIDES[name] ?? null;
  return {
    name,
    job: { framework, guest },
    path: `/${direction}?bytes=${bytes}`,
    check: async (server) => {
      const { headers, body } = await server.request('/down?bytes=100000', {});
      assert.equal(body.length, 100_000);
      assert.equal(headers['x-filter'], guest === null ? undefined : 'bodies');
    },
  };
}

/**
 * @param {string} framework
 * @param {{ workload: Workload, results: Launch[] }[]} measured
 * @param {boolean} judged
 * @returns {Section}
 */
function sectionOf(framework, measured, judged) {
  const rows = measured.flatMap(({ workload, results }) =>
    Object.keys(SIDES).map((side) => {
      const least = measured.find((other) => other.workload.direction === workload.direction);
      const small = compare(least?.results ?? [], side, 'none').peakRssBytes;
      return rowOf(workload, side, compare(results, side, 'none'), { small, judged });
    }),
  );
  return {
    id: `bodies-${framework}`,
    title: `Bodies through a filter on ${framework}: 4 connections`,
    note: `against no filter; peak of the resident set, and its growth over the smallest bodies; ${canPin ? 'server and client on a core each' : 'processes not tied to cores'}`,
    rows,
    raw: measured,
  };
}

/**
 * @param {Workload} workload
 * @param {string} side
 * @param {ReturnType<typeof compare>} figures
 * @param {{ small: number, judged: boolean }} than
 * @returns {Row}
 */
function rowOf({ direction, bytes }, side, figures, { small, judged }) {
  const growth = figures.peakRssBytes - small;
  const isGood = figures.requestsRatio >= GOAL && growth <= CONSTANT_BYTES;
  return {
    bodies: `${bytes / MB} MB ${direction}`,
    filter: side,
    'MB/s': (figures.requestsPerSecond * bytes) / MB,
    'CPU us/MB': (figures.cpuUs * MB) / bytes,
    'MB/s / none': figures.requestsRatio,
    'CPU / none': figures.cpuRatio,
    'rss MB': figures.peakRssBytes / MB,
    'growth MB': growth / MB,
    goal: judged && side !== 'none' ? (isGood ? 'reached' : `missed (${GOAL}, constant)`) : '',
  };
}
