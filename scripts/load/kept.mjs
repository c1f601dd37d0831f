/** What a process holds: memory after collections of garbage, and what keeps its event loop alive. */
import { setTimeout as delay } from 'node:timers/promises';

/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */

/**
 * @typedef {object} Memory
 * @property {number} rss
 * @property {number} heap of JavaScript
 * @property {number} outside buffers and the like, without the guests' memories
 * @property {number} guests
 */

/**
 * @param {readonly Plugin[]} plugins
 * @returns {Promise<Memory>}
 */
export async function kept(plugins) {
  const { gc } = globalThis;
  if (gc === undefined) throw new Error('this needs --expose-gc');
  // What a finalizer or a later turn frees takes another collection.
  for (let round = 0; round < 4; round += 1) {
    gc();
    await delay(25);
  }
  const { rss, heapUsed: heap, external } = process.memoryUsage();
  const guests = plugins.reduce((sum, { context }) => sum + (context?.vm.memory.sizeBytes ?? 0), 0);
  return { rss, heap, outside: external - guests, guests };
}

/**
 * What keeps the process running, each as often as it is there.
 *
 * @param {readonly string[]} [known] not to be listed, once each
 * @returns {string[]}
 */
export function resources(known = []) {
  const rest = [...known];
  return process.getActiveResourcesInfo().filter((name) => {
    const at = rest.indexOf(name);
    if (at >= 0) rest.splice(at, 1);
    return at < 0;
  });
}
