/** Warm-up, the soak in stretches with a look at memory after each, and the end. */
import { inMib, judgeGrowth } from '../load/judge.mjs';
import { Bystander } from './bystander.mjs';
import { FEWEST_FAILURES, judgeClose, judgeDelay, judgeMemory, judgeTraffic } from './judge.mjs';
import { Server } from './server.mjs';
import { Traffic } from './traffic.mjs';

/** @typedef {import('./judge.mjs').Reading} Reading */
/** @typedef {import('./failing-site.mjs').SiteRates} SiteRates */
/** @typedef {import('./loop-delay.mjs').LoopDelay} LoopDelay */
/** @typedef {import('./server.child.mjs').Report} Report */

/** @typedef {SiteRates & { seconds: number }} SoakOptions */
/**
 * @typedef {object} SoakResult
 * @property {Report} report
 * @property {Traffic} traffic
 * @property {LoopDelay} delay
 * @property {LoopDelay} anyway what a process without filters has at the same time
 * @property {Reading} warm
 * @property {Reading} after
 * @property {string[]} failures what is not as it should be
 */

/** Parts of the time, of which the warm-up comes on top: a look at memory after each. */
const STRETCHES = 6;
const LONGEST_STRETCH_SECONDS = 60;
const WARM_UP_ROUNDS = 6;
/** A machine that is slow gets so much more time for the failures that have to happen. */
const MOST_TIMES_AS_LONG = 3;

/**
 * @param {SoakOptions} options
 * @param {(line: string) => void} progress
 * @returns {Promise<SoakResult>}
 */
export async function soak(options, progress) {
  const server = new Server(options);
  const bystander = new Bystander();
  try {
    await bystander.ready();
    const traffic = new Traffic(await server.ready());
    return await new Soak({ server, bystander, traffic }, options, progress).run();
  } finally {
    await Promise.all([server.kill(), bystander.kill()]);
  }
}

class Soak {
  #server;
  #bystander;
  #traffic;
  #options;
  #progress;
  #stretchSeconds;

  /**
   * @param {{ server: Server, bystander: Bystander, traffic: Traffic }} parts
   * @param {SoakOptions} options
   * @param {(line: string) => void} progress
   */
  constructor({ server, bystander, traffic }, options, progress) {
    this.#server = server;
    this.#bystander = bystander;
    this.#traffic = traffic;
    this.#options = options;
    this.#progress = progress;
    this.#stretchSeconds = Math.min(
      Math.max(1, Math.round(options.seconds / STRETCHES)),
      LONGEST_STRETCH_SECONDS,
    );
  }

  /** @returns {Promise<SoakResult>} */
  async run() {
    const { callbackTimeMs } = this.#options;
    const warm = await this.#warmUp();
    const startMs = performance.now();
    /** @type {{ delay: LoopDelay, anyway: LoopDelay }} */
    let delays;
    /** @type {Reading} */
    let after;
    do {
      delays = await this.#stretch();
      after = await this.#memory(`soak, ${describeDelay(delays.delay)}`);
    } while (!(await this.#isOver(startMs)));
    const report = await this.#server.report();
    const traffic = this.#traffic;
    const failures = [
      ...judgeTraffic(report, traffic),
      ...judgeMemory(warm, after),
      ...judgeDelay(delays.delay, delays.anyway, callbackTimeMs),
      ...judgeClose(await this.#server.close()),
    ];
    return { report, traffic, ...delays, warm, after, failures };
  }

  /** Until a round leaves memory as it was. @returns {Promise<Reading>} */
  async #warmUp() {
    /** @type {Reading | undefined} */
    let before;
    for (let round = 1; ; round += 1) {
      await this.#traffic.warmUp(this.#stretchSeconds);
      const memory = await this.#memory(`warm-up, round ${round}`);
      const grown = before === undefined || judgeGrowth('warm-up', before, memory).length > 0;
      if (!grown || round === WARM_UP_ROUNDS) return memory;
      before = memory;
    }
  }

  /** Answers the delays of all stretches so far. */
  async #stretch() {
    await Promise.all([this.#server.startDelay(), this.#bystander.startDelay()]);
    await this.#traffic.run(this.#stretchSeconds);
    const [delay, anyway] = await Promise.all([this.#server.delay(), this.#bystander.delay()]);
    return { delay, anyway };
  }

  /** @param {string} what has been done before @returns {Promise<Reading>} */
  async #memory(what) {
    const { guests: each } = await this.#server.report();
    const memory = await this.#server.memory();
    const { heap, outside, guests, rss } = memory;
    this.#progress(
      `${what}: heap ${inMib(heap)}, outside ${inMib(outside)}, guests ${inMib(guests)}, rss ${inMib(rss)} MiB`,
    );
    return { ...memory, each };
  }

  /** @param {number} startMs */
  async #isOver(startMs) {
    const { seconds } = this.#options;
    const passed = (performance.now() - startMs) / 1000;
    if (passed + this.#stretchSeconds / 2 < seconds) return false;
    return (await this.#hasFailedOften()) || passed > seconds * MOST_TIMES_AS_LONG;
  }

  async #hasFailedOften() {
    const { sites } = await this.#server.report();
    return Object.values(sites).every(({ failures }) => failures >= FEWEST_FAILURES);
  }
}

/** @param {LoopDelay} delay */
export function describeDelay({ p99Ms, maxMs }) {
  return `event loop's delay p99 ${p99Ms.toFixed(1)} ms, most ${maxMs.toFixed(1)} ms`;
}
