/** In a process of its own: what plugins, open streams and past requests keep. */
import { createHost } from '@proxy-wasm-node/core';

import { readArgument, tell } from '../child.mjs';
import { HeaderList, HttpStream } from '../core-internals.mjs';
import { filterPath } from '../filters.mjs';
import { hostSide, quietLogger, SilentEnds } from '../stream/host-side.mjs';
import { PSEUDO_HEADERS, RAW_REQUEST_HEADERS } from '../stream/messages.mjs';
import { heapBytes } from './heap.mjs';

/** @typedef {import('../scale.mjs').MemoryCounts} MemoryCounts */
/** @typedef {import('@proxy-wasm-node/core').Plugin} Plugin */
/** @typedef {{ what: 'plugins' | 'streams' | 'requests', filter: string, counts: MemoryCounts }} MemoryJob */
/** @typedef {{ heap: number, guest: number }} Kept bytes of JavaScript heap and of guests' memory */

/** @type {MemoryJob} */
const { what, filter, counts } = readArgument();
const host = createHost({ logger: quietLogger });
const open = () => host.createPlugin({ code: filterPath(filter) });

const measurements = { plugins: plugins, streams: streams, requests: requests };
tell(await measurements[what]());
await host.close();

/** Per idle plugin, each with a VM of its own, of one module. @returns {Promise<Kept>} */
async function plugins() {
  // The module's code and whatever is there once, however many plugins there are.
  const kept = [await open()];
  const before = await heapBytes();
  const guestBefore = guestBytes(kept);
  while (kept.length <= counts.plugins) kept.push(await open());
  const after = await heapBytes();
  return {
    heap: (after - before) / counts.plugins,
    guest: (guestBytes(kept) - guestBefore) / counts.plugins,
  };
}

/** @param {readonly Plugin[]} list */
function guestBytes(list) {
  return list.reduce((sum, { context }) => sum + (context?.vm.memory.sizeBytes ?? 0), 0);
}

/** Per stream that waits for its response, without the headers that Node would hold anyway. @returns {Promise<Kept>} */
async function streams() {
  const plugin = await open();
  const chain = [plugin];
  // Also grows what grows once: tables, caches, the guest's own heap.
  openStreams(plugin, chain).forEach((stream) => stream.complete());
  const lists = Array.from({ length: counts.streams }, newHeaders);
  const before = await heapBytes();
  const guestBefore = guestBytes(chain);
  const opened = openStreams(plugin, chain, lists);
  const after = await heapBytes();
  const guest = guestBytes(chain) - guestBefore;
  if (plugin.streams !== counts.streams) throw new Error('not all streams are open');
  for (const stream of opened) stream.complete();
  return { heap: (after - before) / counts.streams, guest: guest / counts.streams };
}

function newHeaders() {
  return new HeaderList(RAW_REQUEST_HEADERS.slice(), PSEUDO_HEADERS.slice());
}

/** @param {Plugin} plugin @param {readonly Plugin[]} chain @param {InstanceType<typeof HeaderList>[]} [lists] */
function openStreams({ limits }, chain, lists) {
  return Array.from({ length: counts.streams }, (_, index) => {
    const stream = new HttpStream(new SilentEnds(), lists?.[index] ?? newHeaders(), limits);
    stream.join(chain, true);
    return stream;
  });
}

/** The heap after few and after many requests. @returns {Promise<{ early: number, late: number, guestGrowth: number }>} */
async function requests() {
  const chain = [await open()];
  const run = hostSide(chain);
  for (let count = 0; count < counts.early; count += 1) run();
  const early = await heapBytes();
  const guestEarly = guestBytes(chain);
  for (let count = counts.early; count < counts.late; count += 1) run();
  const late = await heapBytes();
  return { early, late, guestGrowth: guestBytes(chain) - guestEarly };
}
