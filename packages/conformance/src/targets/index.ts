import type { Target } from '../behaviour.js';
import { express4Target, express5 } from './express.js';
import { nodeHttp } from './node-http.js';
import { nodeHttp2 } from './node-http2.js';

/** Every kind of server that the table is run on. */
export const targets: readonly Target[] = [nodeHttp, nodeHttp2, express5, express4Target];
