import { createServer } from 'node:http';

import express from 'express';
import { wasmFilter } from '@proxy-wasm-node/express';

import { ANSWER } from '../exchange.mjs';
import { addHeaders } from '../hand-written.mjs';
import { filterOf } from '../middleware.mjs';

/** @typedef {import('../framework.mjs').Framework} Framework */

/** @type {Framework} */
export const expressFive = {
  name: 'Express 5',
  goal: 0.95,
  async open(middleware) {
    const app = express();
    if (middleware === 'hand-written') {
      app.use(addHeaders);
    } else if (middleware !== 'none') {
      const filter = wasmFilter(...filterOf(middleware));
      await filter.ready();
      app.use(filter);
    }
    app.get('/', (_req, res) => {
      res.json(ANSWER);
    });
    app.get('/seen', (req, res) => {
      res.json(req.headers);
    });
    return createServer(app);
  },
};
