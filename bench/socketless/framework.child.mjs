/** In a process of its own: one framework's server, with each middleware, fed in turns. */
import { setImmediate as endOfTurn } from 'node:timers/promises';

import { readArgument, tell } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { frameworkNamed } from '../http/framework.mjs';
import { series } from '../statistics.mjs';
import { FedConnection } from './fed-connection.mjs';

/** @typedef {import('../http/middleware.mjs').Middleware} Middleware */
/** @typedef {import('../statistics.mjs').Series} Series */
/** @typedef {import('../stream/rounds.mjs').Effort} Effort */
/** @typedef {{ framework: string, effort: Effort }} SocketlessJob */
/** @typedef {Record<string, Series>} SocketlessResult ns per request, by side */

const CONNECTIONS = 16;
/** A server has far more code to compile than a stream. */
const WARMUPS = 5;

/** @type {Record<string, Middleware>} */
const SIDES = {
  none: 'none',
  'hand-written': 'hand-written',
  filter: { code: filterPath('add-headers') },
};

/** @type {SocketlessJob} */
const { framework, effort } = readArgument();
const { rounds, roundMs, warmupMs } = effort;
/** @type {Record<string, FedConnection[]>} */
const connections = {};
/** @type {Record<string, number[]>} */
const times = {};
for (const [name, middleware] of Object.entries(SIDES)) {
  const server = await frameworkNamed(framework).open(middleware);
  connections[name] = Array.from({ length: CONNECTIONS }, () => connect(server));
  times[name] = [];
}
const names = Object.keys(SIDES);
for (let turn = 0; turn < WARMUPS; turn += 1) {
  for (const name of names) await feed(connections[name] ?? [], warmupMs);
}
for (let round = 0; round < rounds; round += 1) {
  for (const name of round % 2 === 0 ? names : names.toReversed()) {
    times[name]?.push(await feed(connections[name] ?? [], roundMs));
  }
}
tell(Object.fromEntries(names.map((name) => [name, series(times[name] ?? [])])));

/** @param {import('node:http').Server} server */
function connect(server) {
  const connection = new FedConnection();
  server.emit('connection', connection);
  return connection;
}

/**
 * One request on each connection, again and again.
 *
 * @param {readonly FedConnection[]} all
 * @param {number} forMs
 * @returns {Promise<number>} ns per request
 */
async function feed(all, forMs) {
  const startedAt = performance.now();
  let requests = 0;
  /** @type {number} */
  let tookMs;
  do {
    const asked = all.map(({ answers }) => answers);
    for (const connection of all) connection.ask();
    do await endOfTurn();
    while (all.some(({ answers }, index) => answers === asked[index]));
    requests += all.length;
    tookMs = performance.now() - startedAt;
  } while (tookMs < forMs);
  return (tookMs * 1e6) / requests;
}
