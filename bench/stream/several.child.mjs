/**
 * All filters in one process, each still alone on its streams: V8 then sees many instances at each
 * call into a guest, and may no longer put the call straight there.
 */
import { readArgument, tell } from '../child.mjs';
import { exampleFilters, filterPath } from '../filters.mjs';
import { hostSide, openPlugin } from './host-side.mjs';
import { timeInTurns } from './rounds.mjs';

/** @typedef {import('./rounds.mjs').Effort} Effort */
/** @typedef {import('../statistics.mjs').Series} Series */
/** @typedef {Record<string, Series>} SeveralResult by filter */

/** @type {{ effort: Effort }} */
const { effort } = readArgument();
/** @type {Record<string, () => void>} */
const sides = {};
for (const { name, configuration } of exampleFilters) {
  sides[name] = hostSide([
    await openPlugin(filterPath(name), configuration, { callbackTimeMs: false }),
  ]);
}
/** @type {SeveralResult} */
const result = timeInTurns(sides, effort);
tell(result);
