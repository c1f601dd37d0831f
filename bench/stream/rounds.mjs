/** Times several things in one process, turn by turn, so that whatever disturbs one disturbs all. */
import { Bench } from 'tinybench';

import { series } from '../statistics.mjs';

/** @typedef {import('../statistics.mjs').Series} Series */

/**
 * @typedef {object} Effort
 * @property {number} rounds
 * @property {number} roundMs how long each side runs in a round
 * @property {number} warmupMs how long each side runs before the first
 */

/** So many calls are timed as one: a clock that is read per call would cost more than the call. */
const BATCH_MS = 0.5;

/**
 * @param {Record<string, () => void>} sides
 * @param {Effort} effort
 * @returns {Record<string, Series>} ns per call, round by round; collections of garbage included
 */
export function timeInTurns(sides, { rounds, roundMs, warmupMs }) {
  const names = Object.keys(sides);
  warmUp(Object.values(sides), warmupMs);
  const batches = names.map((name) => new Batch(sides[name] ?? (() => {})));
  /** @type {Record<string, number[]>} */
  const times = Object.fromEntries(names.map((name) => [name, []]));
  const forwards = benchOf(names, batches, roundMs);
  const backwards = benchOf(names.toReversed(), batches.toReversed(), roundMs);
  for (let round = 0; round < rounds; round += 1) {
    const bench = round % 2 === 0 ? forwards : backwards;
    bench.reset();
    for (const { name, result } of bench.runSync()) {
      if (result.state !== 'completed')
        throw new Error(`${name} was not measured: ${result.state}`);
      const batch = batches[names.indexOf(name)];
      times[name]?.push((result.latency.mean * 1e6) / (batch?.size ?? 1));
    }
  }
  return Object.fromEntries(names.map((name) => [name, series(times[name] ?? [])]));
}

/**
 * @param {readonly string[]} names
 * @param {readonly Batch[]} batches
 * @param {number} time
 */
function benchOf(names, batches, time) {
  const bench = new Bench({ time, iterations: 1, warmup: false, throws: true });
  for (const [index, batch] of batches.entries()) bench.add(names[index] ?? '', batch.run);
  return bench;
}

/**
 * In short turns, so that V8 sees the sides together from the start.
 *
 * @param {readonly (() => void)[]} sides
 * @param {number} warmupMs
 */
function warmUp(sides, warmupMs) {
  const until = performance.now() + warmupMs * sides.length;
  do {
    for (const side of sides) for (let count = 0; count < 200; count += 1) side();
  } while (performance.now() < until);
}

/** As many calls of one side as take {@link BATCH_MS}. */
class Batch {
  /** @param {() => void} side */
  constructor(side) {
    const startedAt = performance.now();
    for (let count = 0; count < 100; count += 1) side();
    const callMs = (performance.now() - startedAt) / 100;
    this.size = Math.max(1, Math.round(BATCH_MS / callMs));
    this.run = () => {
      for (let count = 0; count < this.size; count += 1) side();
    };
  }
}
