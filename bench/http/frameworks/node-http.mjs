import { createServer } from 'node:http';

import { wasmFilter } from '@proxy-wasm-node/core/node';

import { ANSWER_TEXT } from '../exchange.mjs';
import { addHeaders } from '../hand-written.mjs';
import { filterOf } from '../middleware.mjs';

/** @typedef {import('../framework.mjs').Framework} Framework */

/** @type {Framework} */
export const nodeHttp = {
  name: 'node:http',
  goal: 0.9,
  async open(middleware) {
    if (middleware === 'none') return createServer(app);
    if (middleware === 'hand-written') {
      return createServer((req, res) => addHeaders(req, res, () => app(req, res)));
    }
    const filter = wasmFilter(...filterOf(middleware));
    await filter.ready();
    return createServer((req, res) => filter(req, res, () => app(req, res)));
  },
};

/** @type {import('node:http').RequestListener} */
function app(req, res) {
  res.setHeader('content-type', 'application/json; charset=utf-8');
  if (req.url === '/seen') {
    res.end(JSON.stringify(req.headers));
    return;
  }
  res.setHeader('content-length', ANSWER_TEXT.length);
  res.end(ANSWER_TEXT);
}
