/** In a process of its own: one filter in the host beside the floor. */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';

import { readArgument, tell } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { assembleGuest } from '../guests/assemble.mjs';
import { floorSide } from './floor-side.mjs';
import { hostSide, lastHeaders, openPlugin } from './host-side.mjs';
import { timeInTurns } from './rounds.mjs';

/** @typedef {import('./rounds.mjs').Effort} Effort */
/** @typedef {import('../statistics.mjs').Series} Series */
/** @typedef {{ filter: string, configuration?: string, guest?: boolean, effort: Effort }} FilterJob */
/** @typedef {{ host: Series, floor: Series, ratio: number }} FilterResult */

/** @type {FilterJob} */
const { filter, configuration, guest = false, effort } = readArgument();
const code = guest
  ? await assembleGuest(filter)
  : new Uint8Array(await readFile(filterPath(filter)));
const { floor, run } = floorSide(code, configuration);
// The floor runs the module without checks of time; `--only limits` tells what these cost.
const host = hostSide([await openPlugin(code, configuration, { callbackTimeMs: false })]);

host();
run();
checkSameOutcome();
const times = timeInTurns({ host, floor: run }, effort);
checkSameOutcome();
tell(outcomeOf(times));

/** Both sides have let the guest do the same, or the comparison is worth nothing. */
function checkSameOutcome() {
  const { request, response } = lastHeaders;
  assert.deepEqual(pairs(request?.entries() ?? []), pairs(floor.request), `${filter}: request`);
  assert.deepEqual(pairs(response?.entries() ?? []), pairs(floor.response), `${filter}: response`);
}

/** @param {readonly string[]} entries */
function pairs(entries) {
  return entries.flatMap((name, index) =>
    index % 2 === 0 ? `${name.toLowerCase()}: ${entries[index + 1]}` : [],
  );
}

/** @param {Record<string, Series>} times @returns {FilterResult} */
function outcomeOf({ host: hostNs, floor: floorNs }) {
  if (hostNs === undefined || floorNs === undefined) throw new Error('a side was not measured');
  return { host: hostNs, floor: floorNs, ratio: hostNs.median / floorNs.median };
}
