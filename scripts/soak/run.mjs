/**
 * Hours in one process: the example filters, one filter that traps once in 1,000 requests and one that
 * loops for ever once in 10,000. What must hold: the counts of errors are exactly what the policies
 * say, memory stays flat, no promise is rejected unheard, and the event loop never waits longer than a
 * callback may take, and a little.
 *
 *     node scripts/soak/run.mjs [--seconds 60] [--clients 4]
 */
import { setTimeout as delay } from 'node:timers/promises';
import { parseArgs } from 'node:util';

import { ask, nextMessage, startChild } from '../../bench/child.mjs';
import { inMib, judgeGrowth } from '../load/judge.mjs';
import { CALLBACK_TIME_MS, LOOPS_EVERY, TRAPS_EVERY } from './filters.mjs';
import { Client } from './traffic.mjs';

/**
 * Guests that collect their garbage grow for some 200,000 requests until they have the heap that they
 * want (the Go examples: 8 MiB each), and stay there. What leaks grows by more than that in an hour.
 */
const GUEST_GROWTH_BYTES = 8 * 1024 * 1024;
/**
 * What V8 still learns of the code while it runs, beyond what a load of one kind allows for: 0.4 to
 * 1.7 MiB were measured. A leak of 30 bytes with each request passes it within the hour.
 */
const HEAP_SLACK_BYTES = 2 * 1024 * 1024;
/** The timer's own turn, and what else runs in it. */
const DELAY_TOLERANCE_MS = 20;

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '60' },
    clients: { type: 'string', default: '4' },
  },
});
const seconds = wholeNumber('seconds', values.seconds);
const clientCount = wholeNumber('clients', values.clients);

const child = startChild(
  new URL('server.child.mjs', import.meta.url),
  {},
  { execArgv: ['--expose-gc'] },
);
const { port } = /** @type {{ port: number }} */ (await nextMessage(child));

/** One question at a time: the child answers in order. */
let last = Promise.resolve(/** @type {any} */ (undefined));
/** @param {string} question @returns {Promise<any>} */
function askServer(question) {
  last = last.then(async () => {
    const { value } = /** @type {{ value: unknown }} */ (await ask(child, { question }));
    return value;
  });
  return last;
}

let isOver = false;
const goesOn = () => !isOver;
const isRunning = () => askServer('isRunning');
const mixed = Array.from({ length: clientCount }, () => new Client(port));
const [trapping, looping, leaving] = [new Client(port), new Client(port), new Client(port)];
const all = Promise.all([
  trapping.sendFailing('/traps', goesOn, isRunning),
  looping.sendFailing('/loops', goesOn, isRunning),
  leaving.sendAndLeave(goesOn),
  ...mixed.map((client) => client.sendMixed(goesOn)),
]);

await delay((seconds * 1000) / 3);
const warm = await askServer('memory');
/** @type {Record<string, number>} */
const guestsWarm = await askServer('guests');
await askServer('measure');
await delay((seconds * 2000) / 3);
isOver = true;
const [trapped, looped] = await all;
for (const client of [trapping, looping, leaving, ...mixed]) client.close();
await delay(500);
const state = await askServer('state');
const after = await askServer('memory');
/** @type {Record<string, number>} */
const guestsAfter = await askServer('guests');
await askServer('close');

const requests = mixed.reduce((sum, client) => sum + client.requests, 0);
/** @type {string[]} */
const failures = [];
/** @param {boolean} holds @param {string} what */
const must = (holds, what) => void (holds || failures.push(what));
const traps = /** @type {string[]} */ (state.failures.traps ?? []);
const loops = /** @type {string[]} */ (state.failures.loops ?? []);
const expectedTraps = Math.floor(trapping.requests / TRAPS_EVERY);
const expectedLoops = Math.floor(looping.requests / LOOPS_EVERY);
must(requests > 0 && trapping.requests > TRAPS_EVERY, 'too few requests to tell anything');
must(
  trapped === expectedTraps && traps.length === expectedTraps,
  `503 ${trapped}, traps ${traps.length}; expected ${expectedTraps}`,
);
must(
  looped === expectedLoops && loops.length === expectedLoops,
  `503 ${looped}, loops ${loops.length}; expected ${expectedLoops}`,
);
must(
  traps.every((code) => code === 'PW_ERR_CALLBACK_TRAPPED'),
  `traps were ${[...new Set(traps)].join(', ')}`,
);
must(
  loops.every((code) => code === 'PW_ERR_CALLBACK_TIME'),
  `loops were ${[...new Set(loops)].join(', ')}`,
);
must(
  Object.keys(state.failures).every((name) => name === 'traps' || name === 'loops'),
  `others failed: ${JSON.stringify(state.failures)}`,
);
for (const client of [trapping, looping, ...mixed]) {
  must(
    Object.keys(client.unexpected).length === 0,
    `unexpected: ${JSON.stringify(client.unexpected)}`,
  );
}
must(state.unhandled.length === 0, `unhandled: ${state.unhandled.slice(0, 3).join('; ')}`);
must(state.running && state.streams === 0, `running ${state.running}, streams ${state.streams}`);
must(state.vms === state.expectedVms, `VMs ${state.vms}, expected ${state.expectedVms}`);
const mostMs = CALLBACK_TIME_MS + DELAY_TOLERANCE_MS;
must(state.delayP99Ms <= mostMs, `event loop p99 ${state.delayP99Ms} ms, at most ${mostMs}`);
// The guests' memory is part of the process's, and judged by itself.
const own = {
  ...{ guests: warm.guests, rss: after.rss - (after.guests - warm.guests) },
  ...{ heap: after.heap - HEAP_SLACK_BYTES, outside: after.outside },
};
failures.push(...judgeGrowth(`${requests} requests`, warm, own));

const growths = Object.entries(guestsAfter).map(([name, size]) => ({
  name,
  by: size - (guestsWarm[name] ?? 0),
}));
for (const { name, by } of growths) {
  must(by <= GUEST_GROWTH_BYTES, `the guest ${name} grew by ${inMib(by)} MiB`);
}
const grown = growths.filter(({ by }) => by !== 0).map(({ name, by }) => `${name} ${inMib(by)}`);

console.log(
  [
    `soak: ${failures.length === 0 ? 'passed' : 'FAILED'} after ${seconds} s`,
    `  requests: ${requests} through the examples, ${trapping.requests} with ${trapped} traps, ${looping.requests} with ${looped} loops`,
    `  event loop: p99 ${state.delayP99Ms.toFixed(1)} ms, most ${state.delayMaxMs.toFixed(1)} ms`,
    `  MiB warm / after: rss ${inMib(warm.rss)} / ${inMib(after.rss)}, heap ${inMib(warm.heap)} / ${inMib(after.heap)}, outside ${inMib(warm.outside)} / ${inMib(after.outside)}, guests ${inMib(warm.guests)} / ${inMib(after.guests)}`,
    `  guests that have grown, MiB: ${grown.length === 0 ? 'none' : grown.join(', ')}`,
    ...failures.map((failure) => `  FAILED: ${failure}`),
  ].join('\n'),
);
if (failures.length > 0) process.exitCode = 1;

/** @param {string} name @param {string} text @returns {number} */
function wholeNumber(name, text) {
  if (!/^[1-9]\d*$/.test(text)) throw new Error(`--${name} takes a whole number above 0`);
  return Number(text);
}
