/** A server that takes bodies and gives them, with or without a filter that sees each piece. */
import { createServer } from 'node:http';

import express from 'express';
import { wasmFilter } from '@proxy-wasm-node/core/node';
import { wasmFilter as expressFilter } from '@proxy-wasm-node/express';

import { readArgument, serve } from '../child.mjs';
import { assembleGuest } from '../guests/assemble.mjs';

/** @typedef {import('node:http').IncomingMessage} IncomingMessage */
/** @typedef {import('node:http').ServerResponse} ServerResponse */
/** @typedef {import('@proxy-wasm-node/core').PluginOptions} PluginOptions */
/** @typedef {{ framework: string, guest: string | null }} BodiesJob guest: one of `guests/` */

const PIECE = Buffer.alloc(64 * 1024, 'a piece of a body ');

/** @type {Record<string, (options: PluginOptions | undefined) => Promise<import('node:http').Server>>} */
const openers = { 'node:http': openNodeHttp, 'Express 5': openExpress };

/** @type {BodiesJob} */
const { framework, guest } = readArgument();
const options = guest === null ? undefined : { name: guest, code: await assembleGuest(guest) };
const server = await openers[framework]?.(options);
if (server === undefined) throw new Error(`no framework "${framework}"`);
serve(server);

/** @param {PluginOptions | undefined} options */
async function openNodeHttp(options) {
  if (options === undefined) return createServer(answer);
  const filter = wasmFilter(options);
  await filter.ready();
  return createServer((req, res) => filter(req, res, () => answer(req, res)));
}

/** @param {PluginOptions | undefined} options */
async function openExpress(options) {
  const app = express();
  if (options !== undefined) {
    const filter = expressFilter(options);
    await filter.ready();
    app.use(filter);
  }
  app.post('/up', answer);
  app.get('/down', answer);
  return createServer(app);
}

/** @param {IncomingMessage} req @param {ServerResponse} res */
function answer(req, res) {
  if (req.method === 'POST') takeBody(req, res);
  else giveBody(res, Number(new URL(req.url ?? '', 'http://host').searchParams.get('bytes')));
}

/** @param {IncomingMessage} req @param {ServerResponse} res */
function takeBody(req, res) {
  let bytes = 0;
  req.on('data', (/** @type {Buffer} */ piece) => (bytes += piece.length));
  req.on('end', () => res.end(String(bytes)));
}

/** As fast as it is taken, and no faster. @param {ServerResponse} res @param {number} bytes */
function giveBody(res, bytes) {
  let left = bytes;
  const give = () => {
    let mayGo = true;
    while (left > 0 && mayGo) {
      const piece = left < PIECE.length ? PIECE.subarray(0, left) : PIECE;
      left -= piece.length;
      mayGo = res.write(piece);
    }
    if (left === 0) res.end();
    else res.once('drain', give);
  };
  res.setHeader('content-length', bytes);
  give();
}
