import type { Target } from '../behaviour.js';
import { connectHttp2, connectTarget } from './connect.js';
import { express4Target, express5 } from './express.js';
import { fastify5 } from './fastify.js';
import { koa2, koa3, koa3Http2 } from './koa.js';
import { nodeHttp } from './node-http.js';
import { nodeHttp2 } from './node-http2.js';
import { httpProxy3Target, httpProxyTarget, httpxyTarget } from './proxies.js';

/** Every kind of server that the table is run on. */
export const targets: readonly Target[] = [
  nodeHttp,
  nodeHttp2,
  express5,
  express4Target,
  fastify5,
  koa3,
  koa2,
  koa3Http2,
  connectTarget,
  connectHttp2,
  httpProxyTarget,
  httpProxy3Target,
  httpxyTarget,
];
