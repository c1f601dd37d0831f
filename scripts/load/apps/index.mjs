import { openExpress } from './express.mjs';
import { openFastify } from './fastify.mjs';
import { openKoa } from './koa.mjs';
import { openNodeHttp } from './node-http.mjs';

/** By the name that the command takes. @type {Record<string, import('./app.mjs').OpenApp>} */
export const apps = {
  'node-http': openNodeHttp,
  express: openExpress,
  koa: openKoa,
  fastify: openFastify,
};
