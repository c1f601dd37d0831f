/**
 * Each adapter under load: no failed request, no growth of memory, nothing left open, no context left
 * behind by requests that are aborted at random points. Everything stays on this machine.
 *
 *     node scripts/load/run.mjs [--seconds 30] [--connections 100] [--aborts 10000] [--adapter koa]
 */
import { parseArgs } from 'node:util';

import { loadAdapter } from './adapter-load.mjs';
import { apps } from './apps/index.mjs';
import { inMib } from './judge.mjs';

/** @typedef {import('./adapter-load.mjs').AdapterResult} AdapterResult */

const { adapters, options } = readArguments();
for (const adapter of adapters) await runAdapter(adapter);

/** @param {string} adapter */
async function runAdapter(adapter) {
  try {
    const result = await loadAdapter(adapter, options, (line) => console.error(line));
    console.log(describe(adapter, result));
    if (result.failures.length > 0) process.exitCode = 1;
  } catch (error) {
    console.error(`${adapter}: FAILED`, error);
    process.exitCode = 1;
  }
}

/** @param {string} adapter @param {AdapterResult} result */
function describe(adapter, { load, phases, counts, exitMs, failures, ...memory }) {
  const perSecond = load.requestsPerSecond.toFixed(0);
  const readings = [memory.warm, memory.loaded, memory.aborted];
  /** @param {'rss' | 'heap' | 'outside' | 'guests'} kind */
  const series = (kind) => readings.map((reading) => inMib(reading[kind])).join(' / ');
  const aborted = Object.entries(phases).map(([phase, count]) => `${phase} ${count}`);
  return [
    `${adapter}: ${failures.length === 0 ? 'passed' : 'FAILED'}`,
    `  load: ${load.requests} requests, ${load.errors} errors, ${perSecond}/s, p99 ${load.p99Ms} ms`,
    `  MiB warm / after load / after aborts: rss ${series('rss')}; heap ${series('heap')}; outside ${series('outside')}; guests ${series('guests')}`,
    `  aborted: ${aborted.join(', ')}; contexts created ${counts.created}, deleted ${counts.deleted} (and the one that asked)`,
    `  ended ${exitMs.toFixed(0)} ms after close`,
    ...failures.map((failure) => `  FAILED: ${failure}`),
  ].join('\n');
}

function readArguments() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '30' },
      connections: { type: 'string', default: '100' },
      aborts: { type: 'string', default: '10000' },
      adapter: { type: 'string', multiple: true },
    },
  });
  const chosen = values.adapter?.flatMap((text) => text.split(',')) ?? Object.keys(apps);
  for (const name of chosen) {
    if (!(name in apps)) fail(`--adapter takes ${Object.keys(apps).join(', ')}`);
  }
  const seconds = readNumber('seconds', values.seconds);
  const connections = readNumber('connections', values.connections);
  const aborts = readNumber('aborts', values.aborts);
  return { adapters: chosen, options: { seconds, connections, aborts } };
}

/** @param {string} name @param {string} text */
function readNumber(name, text) {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) fail(`--${name} takes a whole number from 1`);
  return value;
}

/** @param {string} message @returns {never} */
function fail(message) {
  console.error(`load: ${message}`);
  process.exit(2);
}
