/** The command `proxy-wasm`: what a filter costs in its reverse proxy, and how soon it does what it is for. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { get } from 'node:http';
import { fileURLToPath } from 'node:url';

import { endChild, nextMessage, startChild } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { compare, launchInTurns } from '../http/launches.mjs';
import { median } from '../statistics.mjs';
import { BIN } from './command.mjs';

/** @typedef {import('../http/launches.mjs').Launch} Launch */
/** @typedef {import('../http/server.mjs').LaunchedServer} LaunchedServer */
/** @typedef {import('../report.mjs').Section} Section */
/** @typedef {import('../scale.mjs').Scale} Scale */

const PROXY = new URL('proxy.child.mjs', import.meta.url);
const UPSTREAM = new URL('../services/upstream.child.mjs', import.meta.url);

/** Beside the client, and so not on the proxy's core. */
const CLIENT_CORE = 1;
const FILTER = 'headers';
/** Requests per second with the filter, as a part of those without. */
const PROXY_GOAL = 0.8;
/** A server that used so much of its core was the limit. */
const SATURATED = 0.95;

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section[]>}
 */
export async function cliBenchmark(scale, progress) {
  return [await proxySection(scale, progress), await startSection(scale, progress)];
}

// --- the reverse proxy ------------------------------------------------------------------------------

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section>}
 */
async function proxySection({ launches, load, judged }, progress) {
  const upstream = startChild(UPSTREAM, null, { core: CLIENT_CORE });
  try {
    /** @type {{ port: number }} */
    const { port: upstreamPort } = await nextMessage(upstream);
    const sides = [
      { name: 'none', job: { upstreamPort }, check: check(false) },
      { name: 'filter', job: { upstreamPort, filter: filterPath(FILTER) }, check: check(true) },
    ];
    const results = await launchInTurns(PROXY, sides, { ...load, launches }, (line) =>
      progress(`cli: proxy: ${line}`),
    );
    return proxyTable(results, judged);
  } finally {
    await endChild(upstream);
  }
}

/**
 * Both pass the upstream's answer on, and one of them has been through the filter.
 *
 * @param {boolean} filters
 */
function check(filters) {
  return async (/** @type {LaunchedServer} */ server) => {
    const { headers, body } = await server.request('/', { authorization: 'Bearer ann' });
    assert.equal(body.toString(), '{"allowed":true}');
    assert.equal(headers['x-auth-user'], 'ann');
    assert.equal(headers['x-wasm-custom'], filters ? 'FOO' : undefined);
  };
}

/**
 * @param {Launch[]} launches
 * @param {boolean} judged
 * @returns {Section}
 */
function proxyTable(launches, judged) {
  const rows = ['none', 'filter'].map((side) => {
    const figures = compare(launches, side, 'none');
    return {
      proxy: side,
      'requests/s': figures.requestsPerSecond,
      'CPU us/request': figures.cpuUs,
      'server busy': figures.busy,
      'requests / none': figures.requestsRatio,
      'CPU / none': figures.cpuRatio,
      goal: side === 'filter' && judged ? proxyVerdict(figures) : '',
    };
  });
  return {
    id: 'cli-proxy',
    title: 'proxy-wasm run as a reverse proxy: 32 connections, GET with 8 headers',
    note: `filter: ${FILTER}, whose log lines are below the level; medians over launches`,
    rows,
    raw: launches,
  };
}

/**
 * By requests per second if the proxy had all it could do, else by its CPU time.
 *
 * @param {ReturnType<typeof compare>} figures
 */
function proxyVerdict({ requestsRatio, cpuRatio, leastBusy }) {
  const isSaturated = leastBusy >= SATURATED;
  const ratio = isSaturated ? requestsRatio : 1 / cpuRatio;
  const word = ratio >= PROXY_GOAL ? 'reached' : 'missed';
  return `${word}: ${ratio.toFixed(3)} of ${PROXY_GOAL} by ${isSaturated ? 'requests/s' : 'CPU'}`;
}

// --- starts -----------------------------------------------------------------------------------------

const BASIC_AUTH = JSON.stringify({ prefix: '/admin', users: { ann: 'secret' } });

/** @type {Record<string, { argv: string[], until: (child: Child) => Promise<void>, goalMs?: number }>} */
const STARTS = {
  'run basic-auth.wasm (247 KB), first answer': {
    argv: ['run', filterPath('basic-auth'), '--config', BASIC_AUTH, '--port', '0'],
    until: firstAnswer,
    goalMs: 500,
  },
  'inspect hello.wasm (2.7 MB), report': {
    argv: ['inspect', filterPath('hello')],
    until: endsWell,
    goalMs: 300,
  },
  'call basic-auth.wasm (247 KB), one request': {
    argv: ['call', filterPath('basic-auth'), '--config', BASIC_AUTH],
    until: endsWell,
  },
};

/** @typedef {import('node:child_process').ChildProcessByStdio<null, import('node:stream').Readable, null>} Child */

/**
 * @param {Scale} scale
 * @param {(line: string) => void} progress
 * @returns {Promise<Section>}
 */
async function startSection({ launches, judged }, progress) {
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(Object.keys(STARTS).map((name) => [name, []]));
  // One more: the first one reads files that the others find in memory.
  for (let launch = 0; launch <= launches; launch += 1) {
    progress(`cli: starts: launch ${launch} of ${launches}`);
    for (const [name, { argv, until }] of Object.entries(STARTS)) {
      const ms = await timeStart(argv, until);
      if (launch > 0) times[name]?.push(ms);
    }
  }
  const rows = Object.entries(STARTS).map(([name, { goalMs }]) => {
    const middle = median(times[name] ?? []);
    const word = middle < (goalMs ?? Infinity) ? 'reached' : 'missed';
    return {
      'from the start of the process': name,
      ms: middle,
      'least ms': Math.min(...(times[name] ?? [])),
      goal: judged && goalMs !== undefined ? `${word}: below ${goalMs} ms` : '',
    };
  });
  return {
    id: 'cli-start',
    title: 'How soon proxy-wasm does what it is for',
    note: 'as built, without npm or npx; medians over launches',
    rows,
    raw: times,
  };
}

/**
 * @param {string[]} argv
 * @param {(child: Child) => Promise<void>} until
 */
async function timeStart(argv, until) {
  const begin = performance.now();
  const child = spawn(process.execPath, [fileURLToPath(BIN), ...argv], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  child.stdout.setEncoding('utf8');
  if (until !== firstAnswer) child.stdout.resume();
  await until(child);
  const ms = performance.now() - begin;
  if (child.exitCode === null) {
    child.kill('SIGKILL');
    await once(child, 'close');
  }
  return ms;
}

/** @param {Child} child */
async function endsWell(child) {
  const [code] = await once(child, 'close');
  assert.equal(code, 0);
}

/** @param {Child} child */
async function firstAnswer(child) {
  let text = '';
  for await (const piece of child.stdout) {
    text += piece;
    const port = /127\.0\.0\.1:(\d+)/.exec(text)?.[1];
    if (port === undefined) continue;
    const status = await new Promise((resolve, reject) => {
      get({ host: '127.0.0.1', port, agent: false }, (res) => {
        res.resume();
        res.on('end', () => resolve(res.statusCode));
      }).on('error', reject);
    });
    assert.equal(status, 200);
    return;
  }
  throw new Error(`the command ended early: ${text}`);
}
