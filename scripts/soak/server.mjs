/** The soaked process, as the one that soaks it sees it. */
import { ask, endChild, nextMessage, startChild } from '../../bench/child.mjs';

/** @typedef {import('../load/kept.mjs').Memory} Memory */
/** @typedef {import('./loop-delay.mjs').LoopDelay} LoopDelay */
/** @typedef {import('./server.child.mjs').Ports} Ports */
/** @typedef {import('./server.child.mjs').Report} Report */
/** @typedef {import('./failing-site.mjs').SiteRates} SiteRates */
/** @typedef {{ leftOpen: string[], errors: string[], exit: string }} Closed */

/** Closing waits for streams; and a process that has closed everything ends by itself. */
const GONE_WITHIN_MS = 20_000;

export class Server {
  #child;
  #exit;

  /** @param {SiteRates} rates */
  constructor(rates) {
    const script = new URL('server.child.mjs', import.meta.url);
    this.#child = startChild(script, rates, { execArgv: ['--expose-gc'] });
    /** @type {Promise<string>} */
    this.#exit = new Promise((resolve) => {
      this.#child.once('exit', (code, signal) => resolve(signal ?? `exit code ${String(code)}`));
    });
  }

  /** @returns {Promise<Ports>} */
  ready() {
    return nextMessage(this.#child);
  }

  /** After collections of garbage. @returns {Promise<Memory>} */
  memory() {
    return this.#ask('memory');
  }

  /** Begins to measure how late the event loop is. @returns {Promise<object>} */
  startDelay() {
    return this.#ask('startDelay');
  }

  /** Of all the time in which it was measured; ends it. @returns {Promise<LoopDelay>} */
  delay() {
    return this.#ask('delay');
  }

  /** Once nothing runs any more. @returns {Promise<Report>} */
  report() {
    return this.#ask('report');
  }

  /** Closes it, and waits until it is gone. @returns {Promise<Closed>} */
  async close() {
    const impatience = setTimeout(() => this.#child.kill('SIGKILL'), GONE_WITHIN_MS);
    const closed = await this.#ask('close');
    const exit = await this.#exit;
    clearTimeout(impatience);
    return { ...closed, exit };
  }

  /** Whatever has happened. */
  kill() {
    return endChild(this.#child);
  }

  /** @param {string} question @returns {Promise<any>} */
  #ask(question) {
    return ask(this.#child, /** @type {any} */ (question));
  }
}
