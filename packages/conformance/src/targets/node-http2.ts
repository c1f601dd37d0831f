import type { Target } from '../behaviour.js';
import { listenHttp2 } from './listen-http2.js';
import { plainListener } from './node-http.js';

/** HTTP/2 without TLS, by Node's compatibility API. */
export const nodeHttp2: Target = {
  name: 'node:http2',
  protocol: 'h2',
  start: (middlewares, app) => listenHttp2(plainListener(middlewares, app)),
};
