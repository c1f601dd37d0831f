import { ask, endChild, nextMessage, startChild } from '../../bench/child.mjs';

/** @typedef {import('./loop-delay.mjs').LoopDelay} LoopDelay */

/** The process that shows how late event loops are on this machine anyway. */
export class Bystander {
  #child = startChild(new URL('bystander.child.mjs', import.meta.url), {});

  async ready() {
    await nextMessage(this.#child);
  }

  /** @returns {Promise<object>} */
  startDelay() {
    return ask(this.#child, /** @type {any} */ ('startDelay'));
  }

  /** @returns {Promise<LoopDelay>} */
  delay() {
    return ask(this.#child, /** @type {any} */ ('delay'));
  }

  kill() {
    return endChild(this.#child);
  }
}
