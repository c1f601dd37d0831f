import { connectHttp2 } from '../targets/connect.js';
import { fastify5 } from '../targets/fastify.js';
import { koa3Http2 } from '../targets/koa.js';
import { nodeHttp2 } from '../targets/node-http2.js';
import { httpProxy3Target, httpProxyTarget, httpxyTarget } from '../targets/proxies.js';

const HTTP_PROXIES = [httpProxyTarget, httpProxy3Target];

const because = (targets: readonly { name: string }[], reason: string): Record<string, string> =>
  Object.fromEntries(targets.map(({ name }) => [name, reason]));

/** No reverse proxy of the table can do the row. */
export const noProxy = (reason: string): Record<string, string> =>
  because([...HTTP_PROXIES, httpxyTarget], reason);

/** http-proxy and its successor. */
export const noHttpProxy = (reason: string): Record<string, string> =>
  because(HTTP_PROXIES, reason);

export const DROPS_TRAILERS = noProxy('the library sends no trailers on');
export const APPS_RESPONSE = noProxy(
  'what the row asks of the app’s response happens upstream, where no filter stands',
);
export const CLOSES_CHUNKED = because(
  [httpxyTarget],
  'the library closes the connection after a chunked request',
);
export const NO_TEXT = because(
  [nodeHttp2, koa3Http2, connectHttp2],
  'the row is about the text of HTTP/1.1, which HTTP/2 does not have',
);
export const ROUTES_AGAIN = because(
  [fastify5],
  'a new path goes through Fastify’s router, which answers 400 to one that it can’t decode',
);
