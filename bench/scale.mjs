/** How much is measured: enough to tell a tenth from noise, or just enough to see that all works. */

/** @typedef {import('./stream/rounds.mjs').Effort} Effort */

/**
 * @typedef {object} Scale
 * @property {boolean} judged whether the figures are held against the goals
 * @property {number} launches fresh processes per side
 * @property {Effort} effort of one in-process measurement
 * @property {Load} load
 * @property {MemoryCounts} memory
 * @property {{ early: number, late: number }} calls HTTP calls after which memory is read
 * @property {readonly number[]} bodyBytes the smallest first
 */

/**
 * @typedef {object} Load
 * @property {number} warmupSeconds per server: V8 compiles in the background, on the core that is measured
 * @property {number} seconds of one turn
 * @property {number} turns per launch
 */

/**
 * @typedef {object} MemoryCounts
 * @property {number} plugins
 * @property {number} streams open at once
 * @property {number} early requests after which the heap is first read
 * @property {number} late requests after which it should still be the same
 */

/** @type {Scale} */
export const fullScale = {
  judged: true,
  launches: 5,
  effort: { rounds: 21, roundMs: 60, warmupMs: 400 },
  load: { warmupSeconds: 5, seconds: 1, turns: 3 },
  memory: { plugins: 100, streams: 10_000, early: 100_000, late: 1_000_000 },
  calls: { early: 10_000, late: 100_000 },
  bodyBytes: [1e6, 1e8],
};

/** @type {Scale} */
export const smokeScale = {
  judged: false,
  launches: 1,
  effort: { rounds: 2, roundMs: 5, warmupMs: 10 },
  load: { warmupSeconds: 0.2, seconds: 0.2, turns: 1 },
  memory: { plugins: 5, streams: 200, early: 2000, late: 5000 },
  calls: { early: 200, late: 400 },
  bodyBytes: [1e6],
};
