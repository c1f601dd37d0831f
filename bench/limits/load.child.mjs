/** In a process of its own: how long its first plugin takes. */
import { createHost } from '@proxy-wasm-node/core';

import { readArgument, tell } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { quietLogger } from '../stream/host-side.mjs';

/** @type {{ filter: string, limited: boolean }} */
const { filter, limited } = readArgument();
const host = createHost({ logger: quietLogger });
const code = filterPath(filter);
const startedAt = performance.now();
await host.createPlugin({ code, limits: { callbackTimeMs: limited ? 1000 : false } });
tell({ ms: performance.now() - startedAt });
