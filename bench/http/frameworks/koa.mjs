import { createServer } from 'node:http';

import Koa from 'koa';
import { wasmFilter } from '@proxy-wasm-node/koa';

import { ANSWER } from '../exchange.mjs';
import { filterOf } from '../middleware.mjs';

/** @typedef {import('../framework.mjs').Framework} Framework */

/** @type {Framework} */
export const koaThree = {
  name: 'Koa 3',
  goal: 0.95,
  async open(middleware) {
    const app = new Koa();
    if (middleware === 'hand-written') {
      app.use(addHeaders);
    } else if (middleware !== 'none') {
      const filter = wasmFilter(...filterOf(middleware));
      await filter.ready();
      app.use(filter);
    }
    app.use((ctx) => {
      ctx.body = ctx.path === '/seen' ? ctx.headers : ANSWER;
    });
    return createServer(app.callback());
  },
};

/** The hand-written one in Koa's idiom. @type {import('koa').Middleware} */
function addHeaders(ctx, next) {
  const { headers } = ctx;
  headers['x-wasm-user'] = headers['x-user'] ?? 'anonymous';
  headers['x-wasm-filter'] = 'add-headers';
  ctx.set('x-wasm', '1');
  return next();
}
