/**
 * Several servers beside each other, launch after launch. In each launch all sides start anew and
 * take turns under load, so a disturbance hits all of them; ratios are made within a launch.
 */
import { median } from '../statistics.mjs';
import { Client, LaunchedServer } from './server.mjs';

/** @typedef {import('../scale.mjs').Load} Load */
/** @typedef {import('./server.mjs').Turn} Turn */

/**
 * How long, and by which client if not by the usual one.
 *
 * @typedef {Load & { client?: URL }} Spell
 */

/**
 * @typedef {object} Side
 * @property {string} name
 * @property {object} job what its server is started with
 * @property {string} [path]
 * @property {(server: LaunchedServer) => Promise<void>} check rejects if the server is not what it
 *   should be
 */

/** @typedef {Record<string, Turn>} Launch the medians of each side's turns */

/**
 * @param {URL} script of the servers
 * @param {readonly Side[]} sides
 * @param {Spell & { launches: number }} load
 * @param {(line: string) => void} progress
 * @returns {Promise<Launch[]>}
 */
export async function launchInTurns(script, sides, load, progress) {
  /** @type {Launch[]} */
  const launches = [];
  for (let launch = 1; launch <= load.launches; launch += 1) {
    progress(`${sides.map(({ name }) => name).join(' | ')}: launch ${launch} of ${load.launches}`);
    launches.push(await oneLaunch(script, sides, load));
  }
  return launches;
}

/**
 * @param {URL} script
 * @param {readonly Side[]} sides
 * @param {Spell} load
 * @returns {Promise<Launch>}
 */
async function oneLaunch(script, sides, load) {
  const client = new Client(load.client);
  const servers = sides.map(({ job }) => new LaunchedServer(script, job));
  try {
    for (const server of servers) await server.ready();
    for (const [index, server] of servers.entries()) await sides[index]?.check(server);
    const turns = await loadInTurns(servers, sides, client, load);
    return Object.fromEntries(
      sides.map(({ name }, index) => [name, medianTurn(turns[index] ?? [])]),
    );
  } finally {
    await Promise.all([client.close(), ...servers.map((server) => server.close())]);
  }
}

/**
 * @param {readonly LaunchedServer[]} servers
 * @param {readonly Side[]} sides
 * @param {Client} client
 * @param {Load} load
 * @returns {Promise<Turn[][]>} by side
 */
async function loadInTurns(servers, sides, client, { warmupSeconds, seconds, turns }) {
  for (const [index, server] of servers.entries()) {
    await server.load(client, warmupSeconds, sides[index]?.path);
  }
  /** @type {Turn[][]} */
  const results = servers.map(() => []);
  for (let turn = 0; turn < turns; turn += 1) {
    const order = [...servers.entries()];
    if (turn % 2 === 1) order.reverse();
    for (const [index, server] of order) {
      results[index]?.push(await server.load(client, seconds, sides[index]?.path));
    }
  }
  return results;
}

/**
 * @param {readonly Turn[]} turns
 * @returns {Turn}
 */
function medianTurn(turns) {
  return {
    requestsPerSecond: median(turns.map(({ requestsPerSecond }) => requestsPerSecond)),
    cpuUs: median(turns.map(({ cpuUs }) => cpuUs)),
    peakRssBytes: Math.max(...turns.map(({ peakRssBytes }) => peakRssBytes)),
    busy: median(turns.map(({ busy }) => busy)),
  };
}

/**
 * Over all launches: a side's own figures, and how it stands to another within each launch.
 *
 * @param {readonly Launch[]} launches
 * @param {string} side
 * @param {string} other
 */
export function compare(launches, side, other) {
  const of = (/** @type {keyof Turn} */ figure) =>
    median(launches.map((launch) => launch[side]?.[figure] ?? NaN));
  const ratio = (/** @type {keyof Turn} */ figure) =>
    median(
      launches.map((launch) => (launch[side]?.[figure] ?? NaN) / (launch[other]?.[figure] ?? NaN)),
    );
  return {
    requestsPerSecond: of('requestsPerSecond'),
    cpuUs: of('cpuUs'),
    peakRssBytes: of('peakRssBytes'),
    busy: of('busy'),
    leastBusy: median(
      launches.map((launch) => Math.min(launch[side]?.busy ?? NaN, launch[other]?.busy ?? NaN)),
    ),
    requestsRatio: ratio('requestsPerSecond'),
    cpuRatio: ratio('cpuUs'),
  };
}
