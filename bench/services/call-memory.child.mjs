/** In a process of its own: what HTTP calls of a filter leave behind. */
import { createHost } from '@proxy-wasm-node/core';

import { readArgument, tell } from '../child.mjs';
import { HeaderList, HttpStream } from '../core-internals.mjs';
import { filterPath } from '../filters.mjs';
import { heapBytes } from '../memory/heap.mjs';
import { SilentEnds } from '../stream/host-side.mjs';

/** @typedef {{ heap: number, buffers: number, guest: number }} CallMemory bytes */
/** @typedef {{ early: CallMemory, late: CallMemory }} CallHeaps */
/** @typedef {{ calls: { early: number, late: number }, upstream: string }} CallMemoryJob */

const AT_ONCE = 32;
/** Of each hundred calls, these go wrong. */
const PATHS = new Map([
  [10, '/refused'],
  [20, '/reset'],
  [30, '/silent'],
]);

/** Ends that tell when the request passes or is answered. */
class AskedEnds extends SilentEnds {
  #settled;
  /** @param {() => void} settled */
  constructor(settled) {
    super();
    this.#settled = settled;
  }
  /** @override */
  requestHeaders() {
    this.#settled();
  }
  /** @override */
  beginLocalResponse() {
    queueMicrotask(this.#settled);
    return new HeaderList([':status', '200']);
  }
}

/** @type {CallMemoryJob} */
const { calls, upstream } = readArgument();
const host = createHost({
  // Warnings of calls that fail are as many as those calls.
  logger: { level: 'error', warn: () => {}, error: (_, message) => console.error(message) },
  upstreams: { authz: upstream },
});
const plugin = await host.createPlugin({
  code: filterPath('ext-authz'),
  configuration: { upstream: 'authz', timeoutMs: 20 },
});
let started = 0;

const early = await readUntil(calls.early);
const late = await readUntil(calls.late);
tell({ early, late });
await host.close();

/**
 * The least of three readings, the last of them after `count` calls: what a cache or a pool holds for
 * a moment is not kept, and what is kept is in all of them.
 *
 * @param {number} count
 * @returns {Promise<CallMemory>}
 */
async function readUntil(count) {
  /** @type {CallMemory[]} */
  const readings = [];
  for (const part of [0.8, 0.9, 1]) {
    await callUntil(count * part);
    readings.push(await read());
  }
  const least = (/** @type {keyof CallMemory} */ what) =>
    Math.min(...readings.map((reading) => reading[what]));
  return { heap: least('heap'), buffers: least('buffers'), guest: least('guest') };
}

/** @returns {Promise<CallMemory>} */
async function read() {
  const heap = await heapBytes();
  const { arrayBuffers } = process.memoryUsage();
  return { heap, buffers: arrayBuffers, guest: plugin.context?.vm.memory.sizeBytes ?? NaN };
}

/** @param {number} count */
async function callUntil(count) {
  const worker = async () => {
    while (started < count) {
      const path = PATHS.get((started += 1) % 100) ?? '/';
      await exchange(path);
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
}

/** One stream, until the service has been asked. @param {string} path @returns {Promise<void>} */
function exchange(path) {
  return new Promise((resolve) => {
    const request = new HeaderList(
      ['Host', 'shop.example', 'Authorization', 'Bearer ann'],
      [':path', path, ':method', 'GET', ':scheme', 'http'],
    );
    const ends = new AskedEnds(() => {
      stream.complete();
      resolve();
    });
    const stream = new HttpStream(ends, request, plugin.limits);
    stream.join([plugin], true);
  });
}
