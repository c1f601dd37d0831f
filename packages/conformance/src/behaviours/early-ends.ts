import type { Behaviour, RowHandler } from '../behaviour.js';
import {
  answered,
  CALL,
  filter,
  onRequestBody,
  onResponse,
  onResponseBody,
  UPSTREAMS,
} from './filters.js';
import { PAUSE } from './numbers.js';
import { APPS_RESPONSE, CLOSES_CHUNKED, NO_TEXT, noProxy } from './skips.js';

const upstreams = UPSTREAMS;
const OK = { body: 'ok' };
const HTTP2_INTERNAL_ERROR = 2;
const OVER = ['log', 'done', 'delete'];
/** In front of the filter that a row is about: says how often a context ended. */
const ENDS = filter({
  proxy_on_request_headers: [],
  proxy_on_request_body: [],
  proxy_on_response_body: [],
  proxy_on_log: [{ log: 'log' }],
  proxy_on_done: [{ log: 'done' }],
  proxy_on_delete: [{ log: 'delete' }],
});
const HELD = { log: 'held' };
const UNTIL_HELD = { logged: 'held' };
const HEAD = 'POST / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n';
const answersEarly: RowHandler = (req, res) => {
  res.end(req.method === 'GET' ? 'next' : 'early');
};

/** Exchanges that one side ends before the other, or never. */
export const earlyEnds: readonly Behaviour[] = [
  {
    name: 'a request that is given up in its body ends its context once',
    filters: [ENDS, onRequestBody({ logSize: true })],
    request: {
      pieces: ['one', 'two '],
      headers: { 'content-length': '99' },
      givesUpWhen: { logged: '4' },
    },
    app: { echo: true },
    expect: { reply: [], broken: true, logs: ['3', '4', ...OVER] },
  },
  {
    name: 'a request that is given up while its trailers are held ends its context once',
    filters: [
      ENDS,
      filter({
        proxy_on_request_body: [{ return: PAUSE }],
        proxy_on_request_trailers: [HELD, { return: PAUSE }],
      }),
    ],
    request: { body: ['one'], trailers: { 'x-sum': '1' }, givesUpWhen: UNTIL_HELD },
    app: { echo: true },
    expect: { reply: [], broken: true, logs: ['held', ...OVER] },
  },
  {
    name: 'a request that is given up while its answer comes ends its context once',
    filters: [ENDS],
    request: { givesUpWhen: { received: 'begun' } },
    app: (_req, res) => void res.write('begun'),
    expect: { reply: [], broken: true, logs: OVER },
  },
  {
    name: 'a request that is given up while the answer’s body is held ends its context once',
    filters: [ENDS, onResponseBody({ once: [HELD] }, { return: PAUSE })],
    request: { givesUpWhen: UNTIL_HELD },
    app: OK,
    expect: { reply: [], broken: true, logs: ['held', ...OVER] },
  },
  {
    name: 'a request that is given up while a filter waits for a call ends its context once',
    filters: [
      ENDS,
      filter(
        {
          proxy_on_request_headers: [{ httpCall: { upstream: 'never' } }, HELD, { return: PAUSE }],
          ...answered({ continueStream: 0 }),
        },
        { upstreams },
      ),
    ],
    request: { givesUpWhen: UNTIL_HELD },
    app: OK,
    expect: { reply: [], broken: true, seen: [], logs: ['held', ...OVER] },
  },
  {
    name: 'a response that the app destroys when its head is out ends its context once',
    filters: [ENDS],
    request: {},
    app: async (_req, res, client) => {
      res.write('begun');
      await client.received('begun');
      const { stream } = res as unknown as { stream?: { close(code: number): void } };
      if (stream === undefined) res.destroy();
      else stream.close(HTTP2_INTERNAL_ERROR);
    },
    expect: { reply: [], broken: true, logs: OVER },
  },
  {
    name: 'a response that the app destroys while a filter holds it ends its context once',
    filters: [ENDS, onResponse({ return: PAUSE })],
    request: {},
    app: (_req, res) => {
      res.write('begun');
      setImmediate(() => res.destroy());
    },
    expect: { reply: [], broken: true, logs: OVER },
    skip: APPS_RESPONSE,
  },
  {
    name: 'an app that answers while a filter holds the request’s body ends the exchange',
    filters: [ENDS, onRequestBody({ return: PAUSE })],
    request: [{ body: ['one', 'two'] }, {}],
    app: answersEarly,
    expect: {
      reply: [{ body: 'early' }, { body: 'next' }],
      logs: [...OVER, ...OVER],
      // A client that is answered before it has sent all may take another one.
      oneConnection: false,
    },
    skip: noProxy('the library sends a request’s head with its body, which the filter holds'),
  },
  {
    name: 'a body that a filter lets go after the app has answered goes nowhere, and hurts nobody',
    filters: [
      filter(
        {
          proxy_on_request_body: [{ atEnd: [CALL] }, { return: PAUSE }],
          ...answered({ log: 'late' }, { continueStream: 0 }, { logStatus: true }),
        },
        { upstreams },
      ),
    ],
    request: [{ body: ['one', 'two'] }, {}, {}],
    app: async (req, res, view) => {
      // Until the call's answer has come for the first request.
      if (req.method === 'GET') await new Promise((resolve) => setTimeout(resolve, 80));
      await answersEarly(req, res, view);
    },
    expect: {
      reply: [{ body: 'early' }, { body: 'next' }, { body: 'next' }],
      oneConnection: false,
    },
  },
  {
    name: 'an app that answers when it has read a part leaves the connection usable',
    filters: [onRequestBody({ log: 'piece' })],
    request: [{ body: ['one', 'two', 'six'] }, {}],
    app: (req, res) => {
      if (req.method === 'GET') res.end('next');
      else {
        req.once('data', () => {
          res.end('enough');
        });
      }
    },
    expect: { reply: [{ body: 'enough' }, { body: 'next' }], oneConnection: false },
    skip: CLOSES_CHUNKED,
  },
  {
    name: 'long polling: each answer comes when the app has one, on one connection',
    filters: [onResponseBody({ log: 'answer' })],
    request: [{}, {}, {}],
    app: (_req, res) => {
      setTimeout(() => {
        res.end('news');
      }, 20);
    },
    expect: {
      reply: [{ body: 'news' }, { body: 'news' }, { body: 'news' }],
    },
  },
  {
    name: 'a body that is shorter than its length ends the context once',
    filters: [ENDS],
    request: { raw: `${HEAD}Content-Length: 10\r\n\r\nshort`, endsAfter: true },
    app: { echo: true },
    expect: { reply: { status: 400 }, logs: OVER },
    skip: NO_TEXT,
  },
  {
    name: 'so does one that a filter holds',
    filters: [ENDS, onRequestBody({ return: PAUSE })],
    request: { raw: `${HEAD}Content-Length: 10\r\n\r\nshort`, endsAfter: true },
    app: { echo: true },
    expect: { reply: { status: 400 }, logs: OVER },
    skip: NO_TEXT,
  },
  {
    name: 'what is sent behind a body’s length is no part of it, and ends the connection',
    filters: [ENDS, onRequestBody({ logSizeAndEnd: true })],
    request: {
      raw: 'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nhello and more\r\n\r\n',
    },
    app: { echo: true },
    expect: { reply: { status: 400 }, logs: ['5 1', ...OVER] },
    skip: NO_TEXT,
  },
  {
    name: 'malformed chunks end the connection where nobody holds the body',
    filters: [ENDS],
    request: { raw: `${HEAD}Transfer-Encoding: chunked\r\n\r\n3\r\none\r\nzz\r\n` },
    app: { echo: true },
    expect: { reply: { status: 400 }, logs: OVER },
    skip: NO_TEXT,
  },
  {
    name: 'a head that is larger than Node takes is refused by Node, and no filter runs',
    filters: [filter({ proxy_on_request_headers: [{ log: 'seen' }] })],
    request: { raw: `GET / HTTP/1.1\r\nHost: a\r\nx-long: ${'x'.repeat(20_000)}\r\n\r\n` },
    app: OK,
    expect: { reply: { status: 431 }, logs: [], seen: [] },
    skip: NO_TEXT,
  },
];
