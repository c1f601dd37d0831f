import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import type { Behaviour, TunnelHandler } from '../behaviour.js';
import { answered, CALL, DENY, filter, onRequest, onRequestBody, UPSTREAMS } from './filters.js';
import { ALL, PAUSE, REQUEST_BODY, REQUEST_HEADERS } from './numbers.js';
import { NO_TEXT } from './skips.js';

const upstreams = UPSTREAMS;
const SWITCHES = 'HTTP/1.1 101 Switching Protocols\r\nUpgrade: echo\r\nConnection: Upgrade\r\n';
/** Says who the filter took the client for, then echoes every byte until it reads "bye". */
const echoes: TunnelHandler = (req: IncomingMessage, socket: Socket, head: Buffer) => {
  socket.write(`${SWITCHES}x-user: ${String(req.headers['x-user'])}\r\n\r\n`);
  let text = '';
  const echo = (chunk: Buffer): void => {
    socket.write(chunk);
    text += chunk.toString('latin1');
    if (text.includes('bye')) socket.end();
  };
  socket.on('data', echo);
  echo(head);
};
const UPGRADE =
  'GET /ws HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n\x81\xfe\xff GET bye';
const CONNECT = 'CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\r\n';
const LETS_PASS = filter({
  proxy_on_request_headers: [
    { logHeader: [REQUEST_HEADERS, ':path'] },
    { add: [REQUEST_HEADERS, 'x-user', 'ann'] },
  ],
});
const HOLDS = filter(
  {
    proxy_on_request_headers: [CALL, { log: 'held' }, { return: PAUSE }],
    ...answered({ continueStream: 0 }),
  },
  { upstreams },
);

/** What Node answers or hands on before any middleware runs, with filters attached to the server. */
export const beforeMiddleware: readonly Behaviour[] = [
  {
    name: 'a client that waits with its body is told to send it when a filter has let the head pass',
    filters: [LETS_PASS],
    isAttached: true,
    request: [
      { path: '/up', body: 'hello', awaitsContinue: true },
      { path: '/up', body: ['in ', 'chunks'], awaitsContinue: true },
      { path: '/plain', body: 'hello' },
    ],
    app: { echo: true },
    expect: {
      reply: [
        { body: 'hello', continued: true },
        { body: 'in chunks', continued: true },
        { body: 'hello', continued: false },
      ],
      logs: ['/up', '/up', '/plain'],
      seen: [
        { headers: { 'x-user': 'ann', 'content-length': '5' } },
        { headers: { 'x-user': 'ann' } },
        {},
      ],
      oneConnection: false,
    },
  },
  {
    name: 'not if a filter answers',
    filters: [onRequest(DENY)],
    isAttached: true,
    request: { body: 'hello', awaitsContinue: true },
    app: { echo: true },
    expect: { reply: { status: 403, body: 'denied', continued: false }, seen: [] },
  },
  {
    name: 'without attach Node tells it before any filter runs',
    filters: [onRequest(DENY)],
    request: { body: 'hello', awaitsContinue: true },
    app: { echo: true },
    expect: { reply: { status: 403, body: 'denied', continued: true }, seen: [] },
  },
  {
    name: 'it waits as long as the filter does',
    filters: [HOLDS],
    isAttached: true,
    request: { body: 'hello', awaitsContinue: true },
    app: { echo: true },
    expect: { reply: { body: 'hello', continued: true }, logs: ['held'] },
  },
  {
    name: 'it is told at once where a filter holds the head until it has seen the body',
    filters: [
      filter(
        {
          proxy_on_request_headers: [{ beforeEnd: [{ return: PAUSE }] }],
          proxy_on_request_body: [
            { beforeEnd: [{ return: PAUSE }] },
            { logBuffer: [REQUEST_BODY] },
            DENY,
          ],
        },
        { allowOnHeadersStopIteration: true },
      ),
    ],
    isAttached: true,
    request: { body: 'hello', awaitsContinue: true },
    app: { echo: true },
    expect: { reply: { status: 403, continued: true }, logs: ['hello'], seen: [] },
  },
  {
    name: 'a body that was waited for is changed as any other',
    filters: [onRequestBody({ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, '!'] }] })],
    isAttached: true,
    request: { body: 'hello', awaitsContinue: true },
    app: { echo: true },
    expect: { reply: { body: 'hello!', continued: true } },
  },
  {
    name: 'an upgrade passes the filter, and then every byte as it is',
    filters: [LETS_PASS, onRequestBody({ log: 'body' })],
    isAttached: true,
    request: { raw: UPGRADE },
    app: {},
    onUpgrade: echoes,
    expect: {
      reply: { status: 101, body: /x-user: ann\r\n\r\n\x81\xfe\xff GET bye$/ },
      logs: ['/ws'],
      seen: [],
    },
    skip: NO_TEXT,
  },
  {
    name: 'an upgrade waits as long as the filter does, and loses no byte',
    filters: [HOLDS],
    isAttached: true,
    request: { raw: UPGRADE },
    app: {},
    onUpgrade: echoes,
    expect: { reply: { status: 101, body: /\r\n\r\n\x81\xfe\xff GET bye$/ }, logs: ['held'] },
    skip: NO_TEXT,
  },
  {
    name: 'an upgrade that a filter refuses is answered, and the connection ends',
    filters: [onRequest(DENY)],
    isAttached: true,
    request: { raw: UPGRADE },
    app: {},
    onUpgrade: echoes,
    expect: { reply: { status: 403, body: /x-why: rule[^]*\r\n\r\ndenied$/ }, seen: [] },
    skip: NO_TEXT,
  },
  {
    name: 'without attach no filter sees an upgrade',
    filters: [onRequest({ log: 'seen' }, DENY)],
    request: { raw: UPGRADE },
    app: {},
    onUpgrade: echoes,
    expect: { reply: { status: 101, body: /x-user: undefined/ }, logs: [] },
    skip: NO_TEXT,
  },
  {
    name: 'CONNECT that nobody listens for is refused clearly',
    filters: [onRequest({ log: 'seen' })],
    isAttached: true,
    request: { raw: CONNECT },
    app: {},
    expect: { reply: { status: 501, body: /CONNECT is not supported/ }, logs: [], seen: [] },
    skip: NO_TEXT,
  },
  {
    name: 'CONNECT that the app listens for passes the filter',
    filters: [LETS_PASS],
    isAttached: true,
    request: { raw: `${CONNECT}bytes, bye` },
    app: {},
    onConnect: echoes,
    expect: { reply: { body: /x-user: ann\r\n\r\nbytes, bye$/ }, logs: ['a:443'] },
    skip: NO_TEXT,
  },
  {
    name: 'CONNECT that a filter refuses never reaches the app',
    filters: [onRequest(DENY)],
    isAttached: true,
    request: { raw: CONNECT },
    app: {},
    onConnect: echoes,
    expect: { reply: { status: 403, body: /\r\n\r\ndenied$/ } },
    skip: NO_TEXT,
  },
];
