/** A server whose filter, if it has one, looks at requests only. Big answers, in one piece and in many. */
import { createServer, ServerResponse } from 'node:http';

import { wasmFilter } from '@proxy-wasm-node/core/node';

import { readArgument, serve } from '../child.mjs';
import { assembleGuest } from '../guests/assemble.mjs';

/** @typedef {{ filter: boolean }} ResponsePathJob */

const LARGE = Buffer.alloc(1024 * 1024, 'large ');
const CHUNK = Buffer.alloc(1024, 'chunk ');
const CHUNKS = 64;
const METHODS = /** @type {const} */ (['writeHead', 'write', 'end', 'setHeader', 'flushHeaders']);

/** @type {ResponsePathJob} */
const { filter } = readArgument();
if (filter) {
  const middleware = wasmFilter({
    code: await assembleGuest('request-only'),
    name: 'request-only',
  });
  await middleware.ready();
  serve(createServer((req, res) => middleware(req, res, () => app(req, res))));
} else {
  serve(createServer(app));
}

/** @type {import('node:http').RequestListener} */
function app(req, res) {
  if (req.url === '/large') {
    res.setHeader('content-length', LARGE.length);
    res.end(LARGE);
  } else if (req.url === '/chunked') {
    for (let chunk = 1; chunk < CHUNKS; chunk += 1) res.write(CHUNK);
    res.end(CHUNK);
  } else {
    res.end(JSON.stringify(METHODS.filter((name) => !isUntouched(res, name))));
  }
}

/**
 * @param {ServerResponse} res
 * @param {(typeof METHODS)[number]} name
 */
function isUntouched(res, name) {
  return !Object.hasOwn(res, name) && res[name] === ServerResponse.prototype[name];
}
