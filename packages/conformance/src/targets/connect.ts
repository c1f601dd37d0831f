import type { RequestListener } from 'node:http';

import connect from 'connect';

import { toHandler } from '../answer.js';
import type { Answer, Handler, Middleware, Target } from '../behaviour.js';
import { listenHttp2 } from './listen-http2.js';
import { listen } from './listen.js';

export const connectTarget: Target = {
  name: 'connect',
  start: (middlewares, app) => listen(connectListener(middlewares, app)),
};

export const connectHttp2: Target = {
  name: 'connect, HTTP/2',
  protocol: 'h2',
  start: (middlewares, app) => listenHttp2(connectListener(middlewares, app)),
};

function connectListener(
  middlewares: readonly Middleware[],
  app: Answer | Handler,
): RequestListener {
  const server = connect();
  const handler = toHandler(app);
  for (const middleware of middlewares) server.use(middleware);
  server.use((req, res, next) => {
    Promise.resolve(handler(req, res)).catch(next);
  });
  return server;
}
