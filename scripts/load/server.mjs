/** A server under load, as the process that puts load on it sees it. */
import { ask, nextMessage, startChild } from '../../bench/child.mjs';

/** @typedef {import('./kept.mjs').Memory} Memory */
/** @typedef {import('./server.child.mjs').Closed} Closed */
/** @typedef {import('./server.child.mjs').Counts} Counts */
/** @typedef {import('./server.child.mjs').Idleness} Idleness */

/** A process that has closed everything ends by itself within this time. */
const EXIT_WITHIN_MS = 10_000;
/** Closing waits for streams; those that never end are reported, not waited for. */
const CLOSE_WITHIN_MS = 15_000;

export class Server {
  #child;
  #exit;
  port = 0;

  /** @param {string} adapter */
  constructor(adapter) {
    const script = new URL('server.child.mjs', import.meta.url);
    this.#child = startChild(script, { adapter }, { execArgv: ['--expose-gc'] });
    /** @type {Promise<string>} */
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${String(code)}`));
    });
  }

  async ready() {
    const { port } = /** @type {{ port: number }} */ (await nextMessage(this.#child));
    this.port = port;
  }

  /** @returns {Promise<Memory>} */
  memory() {
    return this.#ask('memory');
  }

  /** @returns {Promise<Idleness>} */
  idle() {
    return this.#ask('idle');
  }

  /** Of the report that was asked for last. @returns {Promise<Counts>} */
  counts() {
    return this.#ask('counts');
  }

  /**
   * Closes it; the process is gone afterwards, by itself or not.
   *
   * @returns {Promise<Closed & { exit: string, exitMs: number }>}
   */
  async close() {
    const closed = /** @type {Closed} */ (await within(this.#ask('close'), CLOSE_WITHIN_MS));
    const start = performance.now();
    const exit = await within(this.#exit, EXIT_WITHIN_MS).catch(() => 'still running');
    await this.kill();
    return { ...closed, exit, exitMs: performance.now() - start };
  }

  /** Whatever has happened. */
  async kill() {
    if (this.#child.exitCode === null) this.#child.kill('SIGKILL');
    await this.#exit;
  }

  /** @template T @param {string} question @returns {Promise<T>} */
  #ask(question) {
    return ask(this.#child, /** @type {any} */ (question));
  }
}

/**
 * @template T
 * @param {Promise<T>} promise
 * @param {number} ms
 * @returns {Promise<T>}
 */
async function within(promise, ms) {
  /** @type {NodeJS.Timeout | undefined} */
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`nothing after ${ms} ms`)), ms);
  });
  try {
    return await /** @type {Promise<T>} */ (Promise.race([promise, late]));
  } finally {
    clearTimeout(timer);
  }
}
