/** In a process of its own: one filter's streams, with and without instruments. */
import { createHost } from '@proxy-wasm-node/core';

import { readArgument, tell } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { hostSide, quietLogger } from '../stream/host-side.mjs';
import { timeInTurns } from '../stream/rounds.mjs';

/** @typedef {import('../stream/rounds.mjs').Effort} Effort */

/** @type {{ effort: Effort }} */
const { effort } = readArgument();
const open = (/** @type {boolean} */ instruments) =>
  createHost({ logger: quietLogger, instruments }).createPlugin({
    code: filterPath('add-headers'),
  });
tell(timeInTurns({ off: hostSide([await open(false)]), on: hostSide([await open(true)]) }, effort));
