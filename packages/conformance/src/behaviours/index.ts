import type { Behaviour } from '../behaviour.js';
import { badInput } from './bad-input.js';
import { exchanges } from './exchanges.js';
import { requestBodies } from './request-bodies.js';
import { requestHeads } from './request-heads.js';
import { responses } from './responses.js';

/** The table: what a chain of filters does on every server, by topic. */
export const behaviours: Readonly<Record<string, readonly Behaviour[]>> = {
  'request heads': requestHeads,
  'request bodies': requestBodies,
  responses,
  exchanges,
  'bad input': badInput,
};
