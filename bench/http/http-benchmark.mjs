/** Over HTTP: each framework with nothing, with hand-written middleware, and with the filter. */
import assert from 'node:assert/strict';

import { canPin } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { ANSWER_TEXT, REQUEST_HEADERS } from './exchange.mjs';
import { frameworks } from './framework.mjs';
import { compare, launchInTurns } from './launches.mjs';

/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {import('./framework.mjs').Framework} Framework */
/** @typedef {import('./middleware.mjs').Middleware} Middleware */
/** @typedef {import('./launches.mjs').Launch} Launch */
/** @typedef {import('./launches.mjs').Side} Side */
/** @typedef {import('./server.mjs').LaunchedServer} LaunchedServer */

const SERVER = new URL('server.child.mjs', import.meta.url);
const FILTER = 'add-headers';

/** A server that used so much of its core was the limit. */
const SATURATED = 0.95;

/** @type {Record<string, Middleware>} */
const MIDDLEWARES = {
  none: 'none',
  'hand-written': 'hand-written',
  filter: { code: filterPath(FILTER) },
  'filter, time not limited': { code: filterPath(FILTER), limits: { callbackTimeMs: false } },
  // What the filter costs alone: hand-written middleware leaves Node's way of writing as it is.
  'filter, each response written at once': { code: filterPath(FILTER), coalesceWrites: false },
};

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function httpBenchmark({ launches, load, judged }, progress) {
  /** @type {Section[]} */
  const sections = [];
  for (const framework of frameworks) {
    const sides = Object.entries(MIDDLEWARES).map(([name, middleware]) =>
      sideOf(framework, name, middleware),
    );
    const results = await launchInTurns(SERVER, sides, { ...load, launches }, (line) =>
      progress(`${framework.name}: ${line}`),
    );
    sections.push(sectionOf(framework, results, judged));
  }
  return sections;
}

/**
 * @param {Framework} framework
 * @param {string} name
 * @param {Middleware} middleware
 * @returns {Side}
 */
function sideOf(framework, name, middleware) {
  return {
    name,
    job: { framework: framework.name, middleware },
    check: (server) => checkServer(server, middleware !== 'none'),
  };
}

/**
 * The hand-written middleware and the filter do the same, or the comparison is worth nothing.
 *
 * @param {LaunchedServer} server
 * @param {boolean} adds
 */
async function checkServer(server, adds) {
  const { headers, body } = await server.request('/', REQUEST_HEADERS);
  assert.equal(body.toString(), ANSWER_TEXT);
  assert.equal(headers['content-length'], String(ANSWER_TEXT.length));
  assert.equal(headers['x-wasm'], adds ? '1' : undefined);
  const seen = JSON.parse((await server.request('/seen', REQUEST_HEADERS)).body.toString());
  assert.equal(seen['x-wasm-user'], adds ? 'ann' : undefined);
  assert.equal(seen['x-wasm-filter'], adds ? FILTER : undefined);
}

/**
 * @param {Framework} framework
 * @param {Launch[]} launches
 * @param {boolean} judged
 * @returns {Section}
 */
function sectionOf({ name, goal }, launches, judged) {
  const rows = Object.keys(MIDDLEWARES).map((side) => {
    const figures = compare(launches, side, 'hand-written');
    return {
      [name]: side,
      'requests/s': figures.requestsPerSecond,
      'CPU us/request': figures.cpuUs,
      'server busy': figures.busy,
      'requests / hand-written': figures.requestsRatio,
      'CPU / hand-written': figures.cpuRatio,
      goal: side === 'filter' && judged ? verdict(figures, goal) : '',
    };
  });
  return {
    id: `http-${name}`,
    title: `${name} over HTTP: 32 connections, GET with 8 headers, 24 bytes of JSON`,
    note: `filter: ${FILTER}; medians over launches; ${canPin ? 'server and client on a core each' : 'processes not tied to cores'}`,
    rows,
    raw: launches,
  };
}

/**
 * By requests per second, if the server had all it could do; else the client was the slower one, and
 * what the server could have served is told by its CPU time.
 *
 * @param {ReturnType<typeof compare>} figures
 * @param {number} goal
 */
function verdict({ requestsRatio, cpuRatio, leastBusy }, goal) {
  const isSaturated = leastBusy >= SATURATED;
  const ratio = isSaturated ? requestsRatio : 1 / cpuRatio;
  const measure = isSaturated ? 'requests/s' : 'CPU';
  return `${ratio >= goal ? 'reached' : 'missed'}: ${ratio.toFixed(3)} of ${goal} by ${measure}`;
}
