import connect from 'connect';

import { toHandler } from '../answer.js';
import type { Target } from '../behaviour.js';
import { listen } from './listen.js';

export const connectTarget: Target = {
  name: 'connect',
  start(middlewares, app) {
    const server = connect();
    const handler = toHandler(app);
    for (const middleware of middlewares) server.use(middleware);
    server.use((req, res, next) => {
      Promise.resolve(handler(req, res)).catch(next);
    });
    return listen(server);
  },
};
