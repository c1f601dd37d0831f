import type { Behaviour } from '../behaviour.js';
import { badInput } from './bad-input.js';
import { exchanges } from './exchanges.js';
import { failures } from './failures.js';
import { framing } from './framing.js';
import { localResponses } from './local-responses.js';
import { mapsAndBuffers } from './maps-and-buffers.js';
import { pausingBodies } from './pausing-bodies.js';
import { pausing } from './pausing.js';
import { requestBodies } from './request-bodies.js';
import { requestHeads } from './request-heads.js';
import { responses } from './responses.js';
import { streaming } from './streaming.js';

/** The table: what a chain of filters does on every server, by topic. */
export const behaviours: Readonly<Record<string, readonly Behaviour[]>> = {
  'request heads': requestHeads,
  'request bodies': requestBodies,
  responses,
  'held heads': pausing,
  'held bodies': pausingBodies,
  'local responses': localResponses,
  failures,
  streaming,
  framing,
  'maps and buffers': mapsAndBuffers,
  exchanges,
  'bad input': badInput,
};
