/**
 * What a framework's part of the benchmark is. A new one is a file in `frameworks/` and a line here;
 * launching, load and report know none by name.
 */
import { expressFive } from './frameworks/express.mjs';
import { fastifyFive } from './frameworks/fastify.mjs';
import { koaThree } from './frameworks/koa.mjs';
import { nodeHttp } from './frameworks/node-http.mjs';

/** @typedef {import('node:http').Server} Server */
/** @typedef {import('./middleware.mjs').Middleware} Middleware */

/**
 * @typedef {object} Framework
 * @property {string} name
 * @property {number} goal the filter's requests per second, as a part of the hand-written one's
 * @property {(middleware: Middleware) => Promise<Server>} open an app that answers `/` with 24 bytes
 *   of JSON and `/seen` with the request's headers; resolves when the filter has started
 */

/** @type {readonly Framework[]} */
export const frameworks = [nodeHttp, expressFive, koaThree, fastifyFive];

/**
 * @param {string} name
 * @returns {Framework}
 */
export function frameworkNamed(name) {
  const framework = frameworks.find((candidate) => candidate.name === name);
  if (framework === undefined) throw new Error(`no framework "${name}"`);
  return framework;
}
