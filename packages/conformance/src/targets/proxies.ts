import { Agent, type IncomingMessage, type ServerResponse } from 'node:http';

import httpProxy from 'http-proxy';
import { createProxyServer as createProxyServer3 } from 'http-proxy-3';
import { createProxyServer as createHttpxy } from 'httpxy';

import { readBody } from '../answer.js';
import type { Answer, Handler, Running, Target } from '../behaviour.js';
import { listen } from './listen.js';
import { plainListener } from './node-http.js';

type Forward = (req: IncomingMessage, res: ServerResponse) => void;

/** The filters stand in front of a reverse proxy; the app is a server on another port. */
export const httpProxyTarget = proxyTarget('http-proxy', (options) => {
  const proxy = httpProxy.createProxyServer(options);
  proxy.on('error', (_error, _req, res) => {
    giveUp(res as ServerResponse);
  });
  proxy.on('proxyRes', endsWithUpstream);
  return (req, res) => {
    proxy.web(req, res);
  };
});

export const httpProxy3Target = proxyTarget('http-proxy-3', (options) => {
  const proxy = createProxyServer3(options);
  proxy.on('error', (_error, _req, res) => {
    giveUp(res as ServerResponse);
  });
  proxy.on('proxyRes', endsWithUpstream);
  return (req, res) => {
    proxy.web(req, res);
  };
});

export const httpxyTarget = proxyTarget('httpxy', (options) => {
  const proxy = createHttpxy(options);
  return (req, res) => {
    proxy.web(req, res).catch(() => {
      giveUp(res);
    });
  };
});

/** Without it these libraries leave a response open for ever whose upstream breaks off. */
function endsWithUpstream(answer: IncomingMessage, _req: unknown, res: unknown): void {
  answer.on('error', () => {
    giveUp(res as ServerResponse);
  });
}

/** The upstream is gone, or its answer broken. */
function giveUp(res: ServerResponse): void {
  if (res.headersSent) res.destroy();
  else res.writeHead(502).end();
}

function proxyTarget(
  name: string,
  create: (options: { target: string; agent: Agent }) => Forward,
): Target {
  return {
    name,
    async start(middlewares, app): Promise<Running> {
      // The last one notes what the app is given: here, what the upstream gets.
      const upstream = await listen(plainListener(middlewares.slice(-1), withLengths(app)));
      const agent = new Agent({ keepAlive: true });
      const forward = create({ target: `http://127.0.0.1:${String(upstream.port)}`, agent });
      const front = await listen(plainListener(middlewares.slice(0, -1), forward));
      return {
        port: front.port,
        server: front.server,
        async close() {
          await front.close();
          agent.destroy();
          await upstream.close();
        },
      };
    },
  };
}

/** The upstream says the length of what it answers in one go, as frameworks do. */
function withLengths(app: Answer | Handler): Answer | Handler {
  if (typeof app === 'function' || Array.isArray(app.body)) return app;
  return async (req, res) => {
    const read = app.echo === true || app.reads === true ? await readBody(req) : '';
    res.statusCode = app.status ?? 200;
    for (const [name, value] of Object.entries(app.headers ?? {})) res.setHeader(name, value);
    res.end(app.echo === true ? read : app.body, 'latin1');
  };
}
