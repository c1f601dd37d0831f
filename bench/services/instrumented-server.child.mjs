/** node:http behind a header-only filter, on a host with or without instruments. */
import { createServer } from 'node:http';

import { createHost } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/core/node';

import { readArgument, serve } from '../child.mjs';
import { filterPath } from '../filters.mjs';
import { ANSWER_TEXT } from '../http/exchange.mjs';
import { quietLogger } from '../stream/host-side.mjs';

/** @type {{ instruments: boolean }} */
const { instruments } = readArgument();
const host = createHost({ logger: quietLogger, instruments });
const filter = wasmFilter({ code: filterPath('add-headers') }, { host });
await filter.ready();
serve(createServer((req, res) => filter(req, res, () => app(req, res))));

/** @type {import('node:http').RequestListener} */
function app(_req, res) {
  res.setHeader('content-type', 'application/json; charset=utf-8');
  res.setHeader('content-length', ANSWER_TEXT.length);
  res.end(ANSWER_TEXT);
}
