/** All that is soaked, in one process: the examples' app, and a site for each way to fail. */
import { createServer } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';

import { createHost } from '@proxy-wasm-node/core';

import { readArgument } from '../../bench/child.mjs';
import { openExpress } from '../load/apps/express.mjs';
import { isConnectionOver } from '../load/connection-over.mjs';
import { kept, resources } from '../load/kept.mjs';
import { openExamples, openUpstreams } from './examples-site.mjs';
import { openSites, siteNames } from './failing-site.mjs';
import { LoopDelayMeter } from './loop-delay.mjs';

/** @typedef {import('./failing-site.mjs').SiteRates} SiteRates */
/** @typedef {import('./failing-site.mjs').SiteCounts} SiteCounts */
/** @typedef {{ appPort: number, sitesPort: number, tcpPort: number }} Ports */
/**
 * @typedef {object} Report
 * @property {Record<string, SiteCounts>} sites
 * @property {Record<string, number>} guests size of each one's memory
 * @property {number} consumed messages that the filters have passed to each other
 * @property {string[]} errors
 * @property {string[]} notWell plugins and streams that are not as they should be when nothing runs
 */

const WELL_WITHIN_MS = 10_000;
const MOST_ERRORS = 10;

process.on('message', async (/** @type {string} */ question) => {
  process.send?.(await questions[question]?.());
  if (question !== 'close') return;
  // From here on it has to end by itself.
  process.off('disconnect', endOrphan);
  process.disconnect();
});
process.once('disconnect', endOrphan);
/** What nothing in here may do. @type {string[]} */
const errors = [];
// Made at their first use, by whoever warns of something first.
void [process.stdout, process.stderr];
const before = resources();
const meter = new LoopDelayMeter();

const upstreams = await openUpstreams();
const host = createHost({
  logger: { info: () => undefined, warn: takeLine, error: takeLine },
  upstreams: upstreams.upstreams,
});
const examples = await openExamples(host, upstreams.linesPort);
const app = await openExpress(examples.chain, (error, request) => {
  // The app may have begun to read what a client then does not send.
  if (!isConnectionOver(request)) addError(String(error));
});
const sites = await openSites(host, /** @type {SiteRates} */ (readArgument()));
const sitesServer = createServer((req, res) => {
  const site = sites.get((req.url ?? '').split('/')[1] ?? '');
  if (site === undefined) res.writeHead(404).end();
  else site.handle(req, res);
});
await new Promise((resolve) => sitesServer.listen(0, '127.0.0.1', () => resolve(undefined)));
const plugins = [...examples.plugins, ...[...sites.values()].map(({ plugin }) => plugin)];

/** @type {Record<string, () => Promise<object>>} */
const questions = {
  memory: () => kept(plugins),
  report,
  startDelay: async () => meter.start(),
  delay: async () => meter.stop(),
  close,
};
// From here on; what fails before ends the process.
process.on('unhandledRejection', (error) => addError(`unhandled rejection: ${String(error)}`));
process.on('uncaughtException', (error) => addError(`uncaught exception: ${String(error)}`));
const { port: sitesPort } = /** @type {import('node:net').AddressInfo} */ (sitesServer.address());
process.send?.({ appPort: app.port, sitesPort, tcpPort: examples.tcpPort });

/** Whoever started it is gone. */
function endOrphan() {
  process.exit(1);
}

/** @param {string} error */
function addError(error) {
  if (errors.length < MOST_ERRORS) errors.push(error);
}

/** The sites' failures are counted there; nobody else may complain. @param {object} _fields @param {string} message */
function takeLine(_fields, message) {
  const isOfSite = siteNames.some((name) => message.includes(`"${name}"`));
  if (!isOfSite && !message.startsWith('wasm log')) addError(message);
}

/** When nothing runs any more. @returns {Promise<Report>} */
async function report() {
  const until = Date.now() + WELL_WITHIN_MS;
  while (notWell().length > 0 && Date.now() < until) await delay(20);
  return {
    guests: Object.fromEntries(
      plugins.map(({ name, context }) => [name, context?.vm.memory.sizeBytes ?? 0]),
    ),
    sites: Object.fromEntries([...sites].map(([name, { counts }]) => [name, counts])),
    consumed: host.metrics.read().find(({ name }) => name === 'requests_total')?.value ?? 0,
    errors,
    notWell: notWell(),
  };
}

function notWell() {
  const open = plugins
    .filter(({ streams }) => streams > 0)
    .map(({ name, streams }) => `${name} has ${streams} streams`);
  const down = plugins
    .filter(({ state }) => state !== 'running')
    .map(({ name, state }) => `${name} is ${state}`);
  const unwell = [...sites]
    .filter(([, site]) => !site.isWell)
    .map(([name]) => `${name} is not well`);
  return [...open, ...down, ...unwell];
}

async function close() {
  await Promise.all([app.close(), examples.close()]);
  await new Promise((resolve) => sitesServer.close(resolve));
  await host.close();
  await upstreams.close();
  // Handles close in the turn after they were asked to.
  await delay(50);
  return { leftOpen: resources(before), errors };
}
