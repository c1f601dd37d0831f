import { pipeline } from 'node:stream/promises';

import { wasmFilter } from '@proxy-wasm-node/core/node';

import {
  countBytes,
  greet,
  GREETING,
  largeBody,
  LATE_MS,
  listen,
  readJson,
  SECRET,
} from './app.mjs';

/** @typedef {import('node:http').IncomingMessage} Request */
/** @typedef {import('node:http').ServerResponse} Response */

/** @type {import('./app.mjs').OpenApp} */
export async function openNodeHttp(plugins, onError) {
  const filter = wasmFilter(plugins);
  return listen((req, res) => {
    filter(req, res, () => {
      answer(req, res).catch((error) => {
        onError(error, req);
        res.destroy();
      });
    });
  }, filter);
}

/** @type {Record<string, (req: Request, res: Response) => unknown>} */
const ROUTES = {
  '/': (_req, res) => res.end(GREETING),
  '/admin': (req, res) => res.end(greet(req.headers['x-user'])),
  '/secret': (_req, res) => res.end(SECRET),
  '/orders': async (req, res) => res.end(JSON.stringify(await readJson(req))),
  '/upload': async (req, res) => res.end(await countBytes(req)),
  '/large': (_req, res) => pipeline(largeBody(), res),
  '/late': (_req, res) => void setTimeout(() => res.end(GREETING), LATE_MS),
  '/never': () => undefined,
};

/** @param {Request} req @param {Response} res */
async function answer(req, res) {
  await ROUTES[req.url ?? '']?.(req, res);
}
