/** In a process of its own: one filter whose callbacks' time is limited, beside one whose is not. */
import { readFile } from 'node:fs/promises';

import { readArgument, tell } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { assembleGuest } from '../guests/assemble.mjs';
import { hostSide, openPlugin } from '../stream/host-side.mjs';
import { timeInTurns } from '../stream/rounds.mjs';

/** @typedef {import('../stream/rounds.mjs').Effort} Effort */
/** @typedef {import('../statistics.mjs').Series} Series */
/** @typedef {{ name: string, configuration?: string, guest?: boolean, effort: Effort }} LimitsJob */
/** @typedef {{ limited: Series, free: Series, ratio: number }} LimitsResult */

/** @type {LimitsJob} */
const { name, configuration, guest = false, effort } = readArgument();
const code = guest ? await assembleGuest(name) : new Uint8Array(await readFile(filterPath(name)));
const limited = hostSide([await openPlugin(code, configuration, { callbackTimeMs: 1000 })]);
const free = hostSide([await openPlugin(code, configuration, { callbackTimeMs: false })]);
tell(outcomeOf(timeInTurns({ limited, free }, effort)));

/** @param {Record<string, Series>} times @returns {LimitsResult} */
function outcomeOf({ limited: limitedNs, free: freeNs }) {
  if (limitedNs === undefined || freeNs === undefined) throw new Error('a side was not measured');
  return { limited: limitedNs, free: freeNs, ratio: limitedNs.median / freeNs.median };
}
