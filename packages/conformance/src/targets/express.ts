import express, { type Express, type Request, type Response } from 'express';
import express4 from 'express4';
import { wasmFilter } from '@proxy-wasm-node/express';

import { answerPlainly, readBody } from '../answer.js';
import type { Answer, Handler, Target } from '../behaviour.js';
import { listen } from './listen.js';

export const express5: Target = expressTarget('express 5', express);
export const express4Target: Target = expressTarget('express 4', express4);

function expressTarget(name: string, create: () => Express): Target {
  return {
    name,
    wasmFilter,
    start(middlewares, app) {
      const server = create();
      // Its pages and headers of its own would be differences between targets.
      server.disable('x-powered-by');
      for (const middleware of middlewares) server.use(middleware);
      server.use((req, res, next) => {
        Promise.resolve(answer(app, req, res)).catch(next);
      });
      return listen(server);
    },
  };
}

/** In Express's idiom where it has one. */
async function answer(app: Answer | Handler, req: Request, res: Response): Promise<void> {
  if (typeof app === 'function') return app(req, res);
  if (Array.isArray(app.body)) return answerPlainly(app, req, res);
  const read = app.echo === true || app.reads === true ? await readBody(req) : '';
  const body = app.echo === true ? read : (app.body as string | undefined);
  res.status(app.status ?? 200);
  for (const [name, value] of Object.entries(app.headers ?? {})) res.setHeader(name, value);
  if (body === undefined) res.end();
  else res.send(Buffer.from(body, 'latin1'));
}
