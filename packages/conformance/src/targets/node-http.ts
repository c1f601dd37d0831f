import type { IncomingMessage, RequestListener, ServerResponse } from 'node:http';

import { toHandler } from '../answer.js';
import type { Answer, Handler, Middleware, Target } from '../behaviour.js';
import { listen } from './listen.js';

/** No framework: the middlewares call each other. */
export const nodeHttp: Target = {
  name: 'node:http',
  start: (middlewares, app) => listen(plainListener(middlewares, app)),
};

/** Middlewares, then the app, as one listener. */
export function plainListener(
  middlewares: readonly Middleware[],
  app: Answer | Handler,
): RequestListener {
  const handler = toHandler(app);
  return (req, res) => {
    run(middlewares, req, res, () => {
      void Promise.resolve(handler(req, res)).catch(() => res.destroy());
    });
  };
}

function run(
  [first, ...rest]: readonly Middleware[],
  req: IncomingMessage,
  res: ServerResponse,
  last: () => void,
): void {
  if (first === undefined) last();
  else
    first(req, res, () => {
      run(rest, req, res, last);
    });
}
