import type { Behaviour } from '../behaviour.js';
import { badInput } from './bad-input.js';
import { beforeMiddleware } from './before-middleware.js';
import { bodyLimits } from './body-limits.js';
import { compressions } from './compression.js';
import { earlyEnds } from './early-ends.js';
import { exchanges } from './exchanges.js';
import { failures } from './failures.js';
import { framingCombinations } from './framing-combinations.js';
import { framing } from './framing.js';
import { lateFilters } from './late-filters.js';
import { localResponses } from './local-responses.js';
import { mapsAndBuffers } from './maps-and-buffers.js';
import { pausingBodies } from './pausing-bodies.js';
import { pausing } from './pausing.js';
import { requestBodies } from './request-bodies.js';
import { requestHeads } from './request-heads.js';
import { responses } from './responses.js';
import { streaming } from './streaming.js';
import { trailers } from './trailers.js';

/** The table: what a chain of filters does on every server, by topic. */
export const behaviours: Readonly<Record<string, readonly Behaviour[]>> = {
  'request heads': requestHeads,
  'request bodies': requestBodies,
  'late filters': lateFilters,
  responses,
  trailers,
  'held heads': pausing,
  'held bodies': pausingBodies,
  'body limits': bodyLimits,
  'local responses': localResponses,
  failures,
  streaming,
  'early ends': earlyEnds,
  framing,
  compression: compressions,
  'framing, in combination': framingCombinations,
  'maps and buffers': mapsAndBuffers,
  exchanges,
  'before any middleware': beforeMiddleware,
  'bad input': badInput,
};
