import type { Target } from '../behaviour.js';
import { express4Target, express5 } from './express.js';
import { nodeHttp } from './node-http.js';

/** Every kind of server that the table is run on. */
export const targets: readonly Target[] = [nodeHttp, express5, express4Target];
