/** One adapter's app behind the chain, in a process of its own; its parent asks, it answers. */
import { createHost } from '@proxy-wasm-node/core';

import { readArgument } from '../../bench/child.mjs';
import { apps } from './apps/index.mjs';
import { openChain } from './chain.mjs';
import { isConnectionOver } from './connection-over.mjs';
import { kept, resources } from './kept.mjs';

/** @typedef {{ adapter: string }} ServerJob */
/** @typedef {{ idle: boolean, connections: number, streams: number, contexts: number[] }} Idleness */
/** @typedef {{ created: number, deleted: number }} Counts */
/** @typedef {{ leftOpen: string[], errors: string[] }} Closed */

const IDLE_WITHIN_MS = 15_000;

/** @type {ServerJob} */
const { adapter } = readArgument();
const openApp = apps[adapter];
if (openApp === undefined) throw new Error(`no adapter "${adapter}"`);

// The channel keeps a process running only while somebody listens to it.
process.on('message', async (/** @type {string} */ question) => {
  process.send?.(await questions[question]?.());
  if (question !== 'close') return;
  // From here on it has to end by itself.
  process.off('disconnect', endOrphan);
  process.disconnect();
});
process.once('disconnect', endOrphan);
// Made at their first use, by whoever warns of something first.
void [process.stdout, process.stderr];
const before = resources();
/** The last lines that tell of counts. @type {string[]} */
const reports = [];
/** Errors of an app whose client was still there. @type {string[]} */
const errors = [];
const host = createHost({ logger: { info: take, warn: take, error: takeError } });
const plugins = await openChain(host);
const app = await openApp(plugins, (error, request) => {
  // To read a body or to answer fails where the client has gone: that is the point.
  if (!isConnectionOver(request)) errors.push(String(error));
});

/** @type {Record<string, () => Promise<object>>} */
const questions = {
  memory: () => kept(plugins),
  idle: whenIdle,
  counts: async () => parseCounts(reports.pop()),
  close: closeAll,
};
process.send?.({ port: app.port });

/** Whoever started it is gone. */
function endOrphan() {
  process.exit(1);
}

/** What filters log is formatted and taken, as in an app; only counts are kept. @param {object} _fields @param {string} message */
function take(_fields, message) {
  if (message.includes('counting')) reports.push(message);
}

/** @param {object} _fields @param {string} message */
function takeError(_fields, message) {
  errors.push(message);
}

/** @param {string | undefined} report @returns {Counts} */
function parseCounts(report = '') {
  const [created, deleted] = report.match(/\d+/g)?.slice(-2) ?? [];
  return { created: Number(created), deleted: Number(deleted) };
}

/** Waits until nobody is connected and no stream runs. @returns {Promise<Idleness>} */
async function whenIdle() {
  const until = Date.now() + IDLE_WITHIN_MS;
  let now = await idleness();
  while (!now.idle && Date.now() < until) {
    await new Promise((resolve) => setTimeout(resolve, 20));
    now = await idleness();
  }
  return now;
}

/** @returns {Promise<Idleness>} */
async function idleness() {
  const connections = await new Promise((resolve) => {
    app.server.getConnections((_error, count) => resolve(count));
  });
  const streams = plugins.reduce((sum, plugin) => sum + plugin.streams, 0);
  // A plugin that has failed has none; else its own is there, and those of streams.
  const contexts = plugins.map(({ context }) => context?.vm.contexts.size ?? 0);
  return { idle: connections === 0 && streams === 0, connections, streams, contexts };
}

/** @returns {Promise<Closed>} */
async function closeAll() {
  await app.close();
  // An SDK may stumble over the end of its plugin: the AssemblyScript one deletes it twice.
  const failures = errors.slice(0, 10);
  await host.close();
  // Handles close in the turn after they were asked to.
  await new Promise((resolve) => setTimeout(resolve, 50));
  return { leftOpen: resources(before), errors: failures };
}
