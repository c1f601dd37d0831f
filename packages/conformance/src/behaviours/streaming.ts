import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Behaviour, RowView } from '../behaviour.js';
import { filter, onRequest, onRequestBody, onResponse, onResponseBody } from './filters.js';
import { ALL, PAUSE, REQUEST_BODY, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';
import { APPS_RESPONSE, NO_TEXT } from './skips.js';

const OK = { body: 'ok' };
const BIG = 'x'.repeat(2_000_000);
const EDITS = onResponseBody({ beforeEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '\n'] }] });
const ENDS = filter({
  proxy_on_log: [{ log: 'log' }],
  proxy_on_done: [{ log: 'done' }],
  proxy_on_delete: [{ log: 'delete' }],
});
const HELD = { log: 'held' };
const UNTIL_HELD = { logged: 'held' };
const events = async (_req: IncomingMessage, res: ServerResponse, client: RowView) => {
  res.writeHead(200, { 'content-type': 'text/event-stream' });
  for (const event of ['data: 1\n\n', 'data: 2\n\n']) {
    res.write(event);
    await client.received(event);
  }
  res.end('data: end\n\n');
};
const ALL_EVENTS = 'data: 1\n\ndata: 2\n\ndata: end\n\n';
const raw = (head: string, body = ''): string =>
  `${head}\r\nHost: a\r\nConnection: close\r\n${body}`;

/** What flows while both sides are still at it, and how exchanges end early. */
export const streaming: readonly Behaviour[] = [
  {
    name: 'server-sent events reach the client as they are written',
    filters: [onResponseBody({ beforeEnd: [{ log: 'event' }] })],
    request: {},
    app: events,
    expect: { reply: { body: ALL_EVENTS } },
  },
  {
    name: 'server-sent events reach the client as they are written, through two filters that edit',
    filters: [EDITS, EDITS],
    request: {},
    app: events,
    expect: { reply: { body: /^data: 1\n\n\n\ndata: 2\n\n\n\ndata: end/ } },
  },
  {
    name: 'server-sent events are not held where only heads are filtered',
    filters: [onResponse({ add: [RESPONSE_HEADERS, 'x-a', '1'] })],
    request: [{}, {}],
    app: events,
    expect: { reply: [{ body: ALL_EVENTS, headers: { 'x-a': '1' } }, { body: ALL_EVENTS }] },
  },
  {
    name: 'a head that is flushed reaches the client before the body',
    filters: [onResponseBody({ log: 'body' })],
    request: {},
    app: async (_req, res, client) => {
      res.flushHeaders();
      res.write('a');
      await client.received('a');
      res.end('b');
    },
    expect: { reply: { body: 'ab' } },
  },
  {
    name: 'pieces of a request reach the app, and its answers the client, while more is to come',
    filters: [
      filter({ proxy_on_request_body: [{ log: 'up' }], proxy_on_response_body: [{ log: 'down' }] }),
    ],
    request: { body: ['one', 'two', 'six'], inStep: true },
    app: (req, res) => {
      req.on('data', (chunk: Buffer) => res.write(chunk));
      req.on('end', () => res.end());
    },
    expect: {
      reply: { body: 'onetwosix' },
      logs: ['up', 'down', 'up', 'down', 'up', 'down', 'up', 'down'],
    },
  },
  {
    name: 'two megabytes go up and come back whole',
    filters: [
      filter({
        proxy_on_request_body: [{ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, '1'] }] }],
        proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '2'] }] }],
      }),
    ],
    request: { body: BIG },
    app: (req, res) => void req.pipe(res),
    expect: { reply: { bodyLength: BIG.length + 2 } },
  },
  {
    name: 'a body over the limit passes, if nobody holds it',
    filters: [
      filter(
        { proxy_on_request_body: [], proxy_on_response_body: [] },
        { limits: { bufferedBodyBytes: 1000 } },
      ),
    ],
    request: { body: BIG },
    app: { echo: true },
    expect: { reply: { bodyLength: BIG.length } },
  },
  {
    name: 'a request that is given up while the app works ends its context once',
    filters: [ENDS],
    request: { givesUpWhen: 'reached' },
    app: () => undefined,
    expect: { reply: [], broken: true, logs: ['log', 'done', 'delete'] },
  },
  {
    name: 'a request that is given up while a filter holds its head ends its context once',
    filters: [ENDS, onRequest(HELD, { return: PAUSE })],
    request: { givesUpWhen: UNTIL_HELD },
    app: OK,
    expect: { reply: [], broken: true, seen: [], logs: ['held', 'log', 'done', 'delete'] },
  },
  {
    name: 'a request that is given up while a filter holds its body ends its context once',
    filters: [ENDS, onRequestBody(HELD, { return: PAUSE })],
    request: { body: 'x', givesUpWhen: UNTIL_HELD },
    app: { echo: true },
    expect: { reply: [], broken: true, logs: ['held', 'log', 'done', 'delete'] },
  },
  {
    name: 'a request that is given up while a filter holds the response ends its context once',
    filters: [ENDS, onResponse(HELD, { return: PAUSE })],
    request: { givesUpWhen: UNTIL_HELD },
    app: OK,
    expect: { reply: [], broken: true, logs: ['held', 'log', 'done', 'delete'] },
  },
  {
    name: 'a response that the app destroys ends its context once',
    filters: [ENDS, onResponseBody({ log: 'body' })],
    request: {},
    app: (_req, res) => void res.destroy(),
    expect: { reply: [], broken: true, logs: ['log', 'done', 'delete'] },
    skip: APPS_RESPONSE,
  },
  {
    name: 'each filter’s context is done before the next one’s, and all have logged before',
    filters: [ENDS, ENDS],
    request: {},
    app: OK,
    expect: { reply: OK, logs: ['log', 'log', 'done', 'delete', 'done', 'delete'] },
  },
  {
    name: 'a close by a filter ends the connection',
    filters: [onRequest({ closeStream: 0 }, { return: PAUSE })],
    request: {},
    app: OK,
    expect: { reply: [], broken: true, seen: [] },
  },
  {
    name: 'pipelined requests are answered in order, one of them by a filter',
    filters: [
      filter({
        proxy_on_request_headers: [
          { beforeEnd: [{ localResponse: { status: 403, body: 'denied' } }] },
        ],
      }),
    ],
    request: {
      raw:
        'GET /1 HTTP/1.1\r\nHost: a\r\n\r\n' +
        'POST /2 HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nhi' +
        raw('GET /3 HTTP/1.1', '\r\n'),
    },
    app: (req, res) => void res.end(`answer ${String(req.url)}`),
    expect: { reply: { body: /answer \/1[^]*403 Forbidden[^]*denied[^]*answer \/3$/ } },
    skip: NO_TEXT,
  },
  {
    name: 'malformed chunks end the connection, and the context once',
    filters: [ENDS, onRequestBody({ beforeEnd: [{ return: PAUSE }] })],
    request: {
      raw: raw('POST / HTTP/1.1', 'Transfer-Encoding: chunked\r\n\r\n3\r\none\r\nzz\r\n'),
    },
    app: { echo: true },
    expect: { reply: { status: 400 }, logs: ['log', 'done', 'delete'] },
    skip: NO_TEXT,
  },
];
