/**
 * All example filters at work for an hour, beside filters that trap or loop now and then under each
 * failure policy: every answer is the one that the policy says, memory stays, nothing is unhandled,
 * and the event loop is never late for long. Everything stays on this machine.
 *
 *     node scripts/soak/run.mjs [--seconds 3600] [--trap-every 1000] [--loop-every 10000]
 *       [--callback-time-ms 50]
 */
import { parseArgs } from 'node:util';

import { inMib } from '../load/judge.mjs';
import { describeDelay, soak } from './soak.mjs';

/** @typedef {import('./soak.mjs').SoakOptions} SoakOptions */
/** @typedef {import('./soak.mjs').SoakResult} SoakResult */

try {
  const result = await soak(readArguments(), (line) => console.error(line));
  console.log(describe(result));
  if (result.failures.length > 0) process.exitCode = 1;
} catch (error) {
  console.error('soak: FAILED', error);
  process.exitCode = 1;
}

/** @param {SoakResult} result */
function describe({ report, traffic, delay, anyway, warm, after, failures }) {
  const sites = Object.entries(report.sites).map(([name, { failures: failed, requests }]) => {
    const answers = traffic.sites[name];
    return `  ${name}: ${requests} requests, failed ${failed} times; filtered ${answers?.filtered}, unfiltered ${answers?.unfiltered}, 503 ${answers?.refused}`;
  });
  /** @param {'heap' | 'outside' | 'guests' | 'rss'} kind */
  const series = (kind) => `${kind} ${inMib(warm[kind])} / ${inMib(after[kind])}`;
  const memory = /** @type {const} */ (['heap', 'outside', 'guests', 'rss']).map(series);
  return [
    `soak: ${failures.length === 0 ? 'passed' : 'FAILED'}`,
    `  examples: ${traffic.examples.requests} requests, ${traffic.examples.errors} errors, ${traffic.left} that the client left, ${traffic.lines} lines over TCP`,
    ...sites,
    `  MiB warm / after: ${memory.join('; ')}`,
    `  ${describeDelay(delay)}; without filters p99 ${anyway.p99Ms.toFixed(1)} ms`,
    ...failures.map((failure) => `  FAILED: ${failure}`),
  ].join('\n');
}

/** @returns {SoakOptions} */
function readArguments() {
  const { values } = parseArgs({
    options: {
      seconds: { type: 'string', default: '3600' },
      'trap-every': { type: 'string', default: '1000' },
      'loop-every': { type: 'string', default: '10000' },
      'callback-time-ms': { type: 'string', default: '50' },
    },
  });
  return {
    seconds: readNumber('seconds', values.seconds),
    trapEvery: readNumber('trap-every', values['trap-every']),
    loopEvery: readNumber('loop-every', values['loop-every']),
    callbackTimeMs: readNumber('callback-time-ms', values['callback-time-ms']),
  };
}

/** @param {string} name @param {string} text */
function readNumber(name, text) {
  const value = Number(text);
  if (Number.isInteger(value) && value >= 1) return value;
  console.error(`soak: --${name} takes a whole number from 1`);
  process.exit(2);
}
