/** What filters call, and what the host counts about them: hostcalls, HTTP calls, instruments. */
import assert from 'node:assert/strict';

import { canPin, endChild, measureInChild, nextMessage, startChild } from '../child.mjs';
import { ANSWER_TEXT, REQUEST_HEADERS } from '../http/exchange.mjs';
import { compare, launchInTurns } from '../http/launches.mjs';
import { median } from '../statistics.mjs';

/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */
/** @typedef {import('../http/launches.mjs').Side} Side */
/** @typedef {import('../http/launches.mjs').Launch} Launch */
/** @typedef {import('../statistics.mjs').Series} Series */
/** @typedef {import('./call-memory.child.mjs').CallHeaps} CallHeaps */
/** @typedef {(line: string) => void} Progress */

const script = (/** @type {string} */ name) => new URL(`${name}.child.mjs`, import.meta.url);

/** At most so many ns for one hostcall, with the way into the host and back. */
const HOSTCALL_GOALS = new Map([
  ['proxy_get_shared_data', 1000],
  ['proxy_increment_metric', 150],
]);
/** At least so much of the requests per second of a handler that makes the same call. */
const CALL_GOAL = 1 / 1.15;
/** At least so much of the requests per second without instruments. */
const INSTRUMENTS_GOAL = 0.97;
/** A server that used so much of its core was the limit. */
const SATURATED = 0.95;
const KIB = 1024;
/** Two readings of an unchanged heap differ by less than this. */
const SAME_BYTES = 256 * KIB;

/**
 * @param {Scale} scale
 * @param {Progress} progress
 * @returns {Promise<Section[]>}
 */
export async function servicesBenchmark(scale, progress) {
  const upstream = startChild(script('upstream'), null, { core: 1 });
  try {
    const { port } = /** @type {{ port: number }} */ (await nextMessage(upstream));
    const url = `http://127.0.0.1:${port}`;
    return [
      await hostcallSection(scale, progress),
      await callSection(scale, progress, url),
      await callMemorySection(scale, progress, url),
      await instrumentsSection(scale, progress),
      await instrumentsInProcessSection(scale, progress),
    ];
  } finally {
    await endChild(upstream);
  }
}

/** @param {Scale} scale @param {Progress} progress @returns {Promise<Section>} */
async function hostcallSection({ launches, effort, judged }, progress) {
  /** @type {Record<string, Series>[]} */
  const results = [];
  for (let launch = 1; launch <= launches; launch += 1) {
    progress(`hostcalls: launch ${launch} of ${launches}`);
    results.push(await measureInChild(script('hostcalls'), { effort }));
  }
  const rows = Object.keys(results[0] ?? {}).map((name) => {
    const ns = median(results.map((result) => result[name]?.median ?? NaN));
    const goal = HOSTCALL_GOALS.get(name);
    return {
      hostcall: name,
      ns,
      goal: judged && goal !== undefined ? verdict(ns <= goal, `${goal} ns`) : '',
    };
  });
  return {
    id: 'hostcalls',
    title: 'One hostcall, with the way into the host and back',
    note: 'called in a loop by a guest; 16-byte keys and values; medians over launches',
    rows,
    raw: results,
  };
}

/** @param {Scale} scale @param {Progress} progress @param {string} upstream @returns {Promise<Section>} */
async function callSection({ launches, load, judged }, progress, upstream) {
  const sides = ['handler', 'filter'].map((name) => ({
    name,
    job: { side: name, upstream },
    check: checkCalling,
  }));
  const results = await launchInTurns(
    script('calling-server'),
    sides,
    { ...load, launches },
    (line) => progress(`calls: ${line}`),
  );
  return {
    id: 'http-calls',
    title: 'Express 5, each request waits for a call to another service',
    note: `handler: undici by hand; filter: ext-authz; medians over launches; ${pinning()}`,
    rows: rowsOf(results, 'filter', 'handler', judged ? CALL_GOAL : undefined),
    raw: results,
  };
}

/** @param {import('../http/server.mjs').LaunchedServer} server */
async function checkCalling(server) {
  const headers = { ...REQUEST_HEADERS, authorization: 'Bearer ann' };
  const answer = await server.request('/', headers);
  assert.equal(answer.body.toString(), ANSWER_TEXT);
  const seen = JSON.parse((await server.request('/seen', headers)).body.toString());
  assert.equal(seen['x-auth-user'], 'ann', 'the service was not asked');
}

/** @param {Scale} scale @param {Progress} progress @param {string} upstream @returns {Promise<Section>} */
async function callMemorySection({ calls, judged }, progress, upstream) {
  progress(`call memory: ${calls.late} calls`);
  const options = { execArgv: ['--expose-gc'] };
  const measured = await measureInChild(script('call-memory'), { calls, upstream }, options);
  const { early, late } = /** @type {CallHeaps} */ (measured);
  const rows = /** @type {const} */ (['heap', 'buffers', 'guest']).map((what) => {
    const growth = late[what] - early[what];
    return {
      memory: what,
      'early KiB': early[what] / KIB,
      'late KiB': late[what] / KIB,
      'growth KiB': growth / KIB,
      goal: judged ? verdict(growth <= SAME_BYTES, `${SAME_BYTES / KIB} KiB`) : '',
    };
  });
  return {
    id: 'call-memory',
    title: `After ${calls.late} HTTP calls of a filter as after ${calls.early}`,
    note: 'ext-authz, 32 at a time; one in a hundred is refused, one times out or is reset',
    rows,
    raw: measured,
  };
}

/** @param {Scale} scale @param {Progress} progress @returns {Promise<Section>} */
async function instrumentsSection({ launches, load, judged }, progress) {
  const sides = ['off', 'on'].map((name) => ({
    name,
    job: { instruments: name === 'on' },
    check: checkAnswer,
  }));
  const results = await launchInTurns(
    script('instrumented-server'),
    sides,
    { ...load, launches },
    (line) => progress(`instruments: ${line}`),
  );
  return {
    id: 'instruments',
    title: 'node:http with add-headers, with and without the option instruments',
    note: `medians over launches; ${pinning()}`,
    rows: rowsOf(results, 'on', 'off', judged ? INSTRUMENTS_GOAL : undefined),
    raw: results,
  };
}

/** @param {import('../http/server.mjs').LaunchedServer} server */
async function checkAnswer(server) {
  const { body, headers } = await server.request('/', REQUEST_HEADERS);
  assert.equal(body.toString(), ANSWER_TEXT);
  assert.equal(headers['x-wasm'], '1');
}

/** @param {Scale} scale @param {Progress} progress @returns {Promise<Section>} */
async function instrumentsInProcessSection({ launches, effort }, progress) {
  /** @type {Record<string, Series>[]} */
  const results = [];
  for (let launch = 1; launch <= launches; launch += 1) {
    progress(`instruments in process: launch ${launch} of ${launches}`);
    results.push(await measureInChild(script('instruments'), { effort }));
  }
  const ns = (/** @type {string} */ side) => median(results.map((all) => all[side]?.median ?? NaN));
  const ratio = median(
    results.map((all) => (all['on']?.median ?? NaN) / (all['off']?.median ?? NaN)),
  );
  return {
    id: 'instruments-in-process',
    title: 'One whole stream in process, with and without the option instruments (for information)',
    note: 'add-headers, both sides in one process; medians over launches',
    rows: [
      {
        'ns off': ns('off'),
        'ns on': ns('on'),
        'more ns': ns('on') - ns('off'),
        'on / off': ratio,
      },
    ],
    raw: results,
  };
}

/**
 * @param {readonly Launch[]} launches
 * @param {string} side
 * @param {string} other what `side` is compared with
 * @param {number | undefined} goal of `side`, as a part of the other's requests per second
 */
function rowsOf(launches, side, other, goal) {
  return [other, side].map((name) => {
    const figures = compare(launches, name, other);
    const isSaturated = figures.leastBusy >= SATURATED;
    const ratio = isSaturated ? figures.requestsRatio : 1 / figures.cpuRatio;
    const measure = `${ratio.toFixed(3)} of ${(goal ?? 0).toFixed(3)} by ${isSaturated ? 'requests/s' : 'CPU'}`;
    return {
      side: name,
      'requests/s': figures.requestsPerSecond,
      'CPU us/request': figures.cpuUs,
      'server busy': figures.busy,
      [`requests / ${other}`]: figures.requestsRatio,
      [`CPU / ${other}`]: figures.cpuRatio,
      goal:
        goal !== undefined && name === side
          ? `${ratio >= goal ? 'reached' : 'missed'}: ${measure}`
          : '',
    };
  });
}

/** @param {boolean} reached @param {string} goal */
function verdict(reached, goal) {
  return reached ? 'reached' : `missed (${goal})`;
}

function pinning() {
  return canPin ? 'server and client on a core each' : 'processes not tied to cores';
}
