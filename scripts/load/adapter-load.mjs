/** One adapter through all of it: warm-up, load, aborts, close. */
import { get } from 'node:http';

import { abortRequests } from './aborts.mjs';
import { isJudged, judgeAborts, judgeClose, judgeGrowth, judgeLoad } from './judge.mjs';
import { Server } from './server.mjs';
import { steadyLoad } from './steady-load.mjs';

/** @typedef {import('./aborts.mjs').Phases} Phases */
/** @typedef {import('./kept.mjs').Memory} Memory */
/** @typedef {import('./server.child.mjs').Counts} Counts */
/** @typedef {import('./server.child.mjs').Idleness} Idleness */
/** @typedef {import('./steady-load.mjs').LoadResult} LoadResult */

const WARM_UP_ROUNDS = 8;

/**
 * @typedef {object} LoadOptions
 * @property {number} seconds
 * @property {number} connections
 * @property {number} aborts
 */

/**
 * @typedef {object} AdapterResult
 * @property {LoadResult} load
 * @property {Memory} warm
 * @property {Memory} loaded
 * @property {Memory} aborted
 * @property {Phases} phases
 * @property {Counts} counts
 * @property {number} exitMs
 * @property {string[]} failures what is not as it should be
 */

/**
 * @param {string} adapter
 * @param {LoadOptions} options
 * @param {(line: string) => void} progress
 * @returns {Promise<AdapterResult>}
 */
export async function loadAdapter(adapter, options, progress) {
  const server = new Server(adapter);
  try {
    await server.ready();
    return await runPhases(server, options, (line) => progress(`${adapter}: ${line}`));
  } finally {
    await server.kill();
  }
}

/**
 * @param {Server} server
 * @param {LoadOptions} options
 * @param {(line: string) => void} progress
 * @returns {Promise<AdapterResult>}
 */
async function runPhases(server, options, progress) {
  const { seconds, connections, aborts } = options;
  const { port } = server;
  const warm = await warmUp(server, options, progress);
  progress(`${connections} connections for ${seconds} s`);
  const load = await steadyLoad({ port, connections, seconds });
  const loaded = await memoryWhenIdle(server);
  progress(`${aborts} aborted requests`);
  const phases = await abortRequests({ port, connections, count: aborts });
  const idleness = await server.idle();
  const counts = await askForCounts(server);
  const aborted = await memoryWhenIdle(server);
  const closed = await server.close();
  const failures = [
    ...judgeLoad(load),
    ...(isJudged(seconds) ? judgeGrowth('load', warm, loaded) : []),
    ...(isJudged(seconds) ? judgeGrowth('aborts', warm, aborted) : []),
    ...judgeAborts(idleness, counts),
    ...judgeClose(closed),
  ];
  return { load, warm, loaded, aborted, phases, counts, exitMs: closed.exitMs, failures };
}

/**
 * Until a round of everything leaves memory as it was: code is compiled then, and the guests' own
 * heaps have the size that they need. What leaks never comes to that, and is found by the load.
 *
 * @param {Server} server
 * @param {LoadOptions} options
 * @param {(line: string) => void} progress
 * @returns {Promise<Memory>}
 */
async function warmUp(server, { seconds, connections, aborts }, progress) {
  const { port } = server;
  const rounds = isJudged(seconds) ? WARM_UP_ROUNDS : 1;
  /** @type {Memory | undefined} */
  let before;
  for (let round = 1; ; round += 1) {
    progress(`warm-up, round ${round}`);
    await steadyLoad({ port, connections, seconds: Math.max(1, seconds / 6) });
    await abortRequests({ port, connections, count: Math.ceil(aborts / 10) });
    const memory = await memoryWhenIdle(server);
    const grown = before === undefined || judgeGrowth('warm-up', before, memory).length > 0;
    if (!grown || round === rounds) return memory;
    before = memory;
  }
}

/** @param {Server} server */
async function memoryWhenIdle(server) {
  await server.idle();
  return server.memory();
}

/** The request that asks is counted, and not over yet. @param {Server} server @returns {Promise<Counts>} */
async function askForCounts(server) {
  await new Promise((resolve, reject) => {
    const headers = { 'x-load-report': '1' };
    const request = get(
      { host: '127.0.0.1', port: server.port, headers, agent: false },
      (answer) => {
        answer.resume().on('close', resolve);
      },
    );
    request.on('error', reject);
  });
  return server.counts();
}
