import type { IncomingMessage, ServerResponse } from 'node:http';

import type { Behaviour } from '../behaviour.js';
import {
  answered,
  CALL,
  filter,
  HOLD,
  onRequest,
  onRequestBody,
  onResponse,
  onResponseBody,
  UPSTREAMS,
} from './filters.js';
import {
  ALL,
  PAUSE,
  REQUEST_BODY,
  REQUEST_TRAILERS,
  RESPONSE_BODY,
  RESPONSE_HEADERS,
  RESPONSE_TRAILERS,
} from './numbers.js';
import { CLOSES_CHUNKED, DROPS_TRAILERS, NO_TEXT } from './skips.js';

const OK = { body: 'ok' };
const upstreams = UPSTREAMS;
const SUM = { 'x-sum': '1' };
const sendsTrailers = (body: string) => (_req: IncomingMessage, res: ServerResponse) => {
  res.setHeader('trailer', 'x-sum');
  if (body !== '') res.write(body);
  res.addTrailers(SUM);
  res.end();
};

/** What comes behind bodies, both ways. */
export const trailers: readonly Behaviour[] = [
  {
    name: 'a request’s trailers reach the filter, and the app as the filter left them',
    filters: [
      filter({
        proxy_on_request_body: [{ logSizeAndEnd: true }],
        proxy_on_request_trailers: [
          { logHeader: [REQUEST_TRAILERS, 'x-sum'] },
          { replace: [REQUEST_TRAILERS, 'x-sum', '2'] },
          { add: [REQUEST_TRAILERS, 'x-more', '3'] },
        ],
      }),
    ],
    request: { body: ['one'], trailers: { 'X-Sum': '1' } },
    app: { echo: true },
    expect: {
      reply: { body: 'one' },
      logs: ['3 0', '1'],
      seen: [{ trailers: { 'x-sum': '2', 'x-more': '3' } }],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'a request’s trailers pass filters that do not look at them',
    filters: [onRequest({ log: 'head' }), onRequestBody({ logSizeAndEnd: true })],
    request: { body: ['one'], trailers: SUM },
    app: { echo: true },
    expect: { reply: { body: 'one' }, logs: ['head', '3 0'], seen: [{ trailers: SUM }] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'a request of nothing but trailers has no body callback',
    filters: [
      filter({
        proxy_on_request_headers: [{ beforeEnd: [{ log: 'head' }] }],
        proxy_on_request_body: [{ log: 'body' }],
        proxy_on_request_trailers: [{ logSize: true }],
      }),
    ],
    request: { body: [], trailers: SUM },
    app: { echo: true },
    expect: { reply: { body: '' }, logs: ['head', '1'], seen: [{ trailers: SUM }] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'a filter can take all of a request’s trailers away',
    filters: [filter({ proxy_on_request_trailers: [{ remove: [REQUEST_TRAILERS, 'x-sum'] }] })],
    request: [{ body: ['one'], trailers: SUM }, {}],
    app: { echo: true },
    expect: { reply: [{ body: 'one' }, { body: '' }], seen: [{ trailers: {} }, {}] },
    skip: CLOSES_CHUNKED,
  },
  {
    name: 'a filter can make a request’s trailers with the end of its body',
    filters: [
      onRequestBody({
        atEnd: [{ add: [REQUEST_TRAILERS, 'x-made', '1'] }, { logStatus: true }],
      }),
      filter({ proxy_on_request_trailers: [{ logHeader: [REQUEST_TRAILERS, 'x-made'] }] }),
    ],
    request: [{ body: ['one'] }, { body: 'with a length' }],
    app: { echo: true },
    expect: {
      reply: [{ body: 'one' }, { body: 'with a length' }],
      logs: ['status 0', '1', 'status 0', '1'],
      seen: [{ trailers: { 'x-made': '1' } }, { trailers: { 'x-made': '1' } }],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'before the end of the body there are none to make',
    filters: [
      onRequestBody({
        beforeEnd: [{ add: [REQUEST_TRAILERS, 'x-made', '1'] }, { logStatus: true }],
      }),
    ],
    request: { body: ['one'] },
    app: { echo: true },
    expect: { reply: { body: 'one' }, logs: ['status 2'], seen: [{ trailers: {} }] },
  },
  {
    name: 'a request’s trailers can be held for a call, and the body before them',
    filters: [
      filter(
        {
          proxy_on_request_body: [{ return: PAUSE }],
          proxy_on_request_trailers: [CALL, { return: PAUSE }],
          ...answered(
            { logBuffer: [REQUEST_BODY] },
            { add: [REQUEST_TRAILERS, 'x-user', 'ann'] },
            { continueStream: 0 },
          ),
        },
        { upstreams },
      ),
    ],
    request: { body: ['one', 'two'], trailers: SUM },
    app: { echo: true },
    expect: {
      reply: { body: 'onetwo' },
      logs: ['onetwo'],
      seen: [{ trailers: { ...SUM, 'x-user': 'ann' } }],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'a request’s trailers that go on release a body that was held',
    filters: [
      filter({ proxy_on_request_body: [{ return: PAUSE }], proxy_on_request_trailers: [] }),
    ],
    request: { body: ['one', 'two'], trailers: SUM },
    app: { echo: true },
    expect: { reply: { body: 'onetwo' } },
  },
  {
    name: 'a response’s trailers reach the filter, and the client as the filter left them',
    filters: [
      filter({
        proxy_on_response_trailers: [
          { logHeader: [RESPONSE_TRAILERS, 'x-sum'] },
          { replace: [RESPONSE_TRAILERS, 'x-sum', '2'] },
        ],
      }),
    ],
    request: {},
    app: (_req, res) => {
      res.setHeader('trailer', 'x-sum');
      res.write('hello');
      res.addTrailers({ 'X-Sum': '1' });
      res.end();
    },
    expect: { reply: { body: 'hello', trailers: { 'x-sum': '2' } }, logs: ['1'] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'trailers that a filter makes turn a kept length into chunks',
    filters: [onResponseBody({ atEnd: [{ add: [RESPONSE_TRAILERS, 'x-made', '1'] }] })],
    request: [{}, {}],
    app: { headers: { 'content-length': '5' }, body: 'hello' },
    expect: {
      reply: [
        {
          body: 'hello',
          headers: { 'content-length': undefined, trailer: 'x-made' },
          trailers: { 'x-made': '1' },
        },
        {},
      ],
    },
  },
  {
    name: 'a response’s trailers pass filters that do not look at them',
    filters: [onResponse({ log: 'head' }), onResponseBody({ beforeEnd: [{ log: 'body' }] })],
    request: [{}, {}],
    app: sendsTrailers('hello'),
    expect: {
      reply: [
        { body: 'hello', trailers: SUM },
        { body: 'hello', trailers: SUM },
      ],
      logs: ['head', 'body', 'head', 'body'],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'a response of nothing but trailers has no body callback',
    filters: [
      filter({
        proxy_on_response_headers: [{ beforeEnd: [{ log: 'head' }] }],
        proxy_on_response_body: [{ log: 'body' }],
        proxy_on_response_trailers: [{ logSize: true }],
      }),
    ],
    request: {},
    app: sendsTrailers(''),
    expect: { reply: { body: '', trailers: SUM }, logs: ['head', '1'] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'a filter can take all of a response’s trailers away',
    filters: [filter({ proxy_on_response_trailers: [{ remove: [RESPONSE_TRAILERS, 'x-sum'] }] })],
    request: [{}, {}],
    app: sendsTrailers('hello'),
    expect: { reply: [{ body: 'hello', trailers: {} }, { body: 'hello' }] },
  },
  {
    name: 'a response’s trailers can be held for a call, and the body before them',
    filters: [
      filter(
        {
          proxy_on_response_body: [{ return: PAUSE }],
          proxy_on_response_trailers: [CALL, { return: PAUSE }],
          ...answered(
            { logBuffer: [RESPONSE_BODY] },
            { add: [RESPONSE_TRAILERS, 'x-user', 'ann'] },
            { add: [RESPONSE_HEADERS, 'x-user', 'ann'] },
            { continueStream: 1 },
          ),
        },
        { upstreams },
      ),
    ],
    request: {},
    app: sendsTrailers('hello'),
    expect: { reply: { body: 'hello', trailers: { ...SUM, 'x-user': 'ann' } }, logs: ['hello'] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'trailers that a filter makes when the head is out go out unannounced',
    filters: [onResponseBody({ atEnd: [{ add: [RESPONSE_TRAILERS, 'x-made', '1'] }] })],
    request: [{}, {}],
    app: async (_req, res, client) => {
      res.write('begun ');
      await client.received('begun');
      res.end('done');
    },
    expect: {
      reply: [
        { body: 'begun done', headers: { trailer: undefined }, trailers: { 'x-made': '1' } },
        { body: 'begun done', trailers: { 'x-made': '1' } },
      ],
    },
  },
  {
    name: 'trailers that a filter makes for a body that it changes go with it',
    filters: [
      onResponseBody(
        ...HOLD,
        { setBuffer: [RESPONSE_BODY, ALL, 0, '!'] },
        { atEnd: [{ add: [RESPONSE_TRAILERS, 'x-made', '1'] }] },
      ),
    ],
    request: [{}, {}],
    app: { body: ['one', 'two'] },
    expect: { reply: [{ body: 'onetwo!', trailers: { 'x-made': '1' } }, { body: 'onetwo!' }] },
  },
  {
    name: 'an answer to HEAD has none, whoever makes them',
    filters: [
      filter({
        proxy_on_response_headers: [],
        proxy_on_response_body: [{ atEnd: [{ add: [RESPONSE_TRAILERS, 'x-made', '1'] }] }],
      }),
    ],
    request: [{ method: 'HEAD' }, { method: 'HEAD' }],
    app: { headers: { 'content-length': '5' }, body: 'hello' },
    expect: { reply: [{ body: '', trailers: {} }, { status: 200 }] },
  },
  {
    name: 'a client of HTTP/1.0, which has no trailers, gets the body without them',
    filters: [onResponseBody({ atEnd: [{ add: [RESPONSE_TRAILERS, 'x-made', '1'] }] })],
    request: { raw: 'GET / HTTP/1.0\r\nHost: a\r\n\r\n' },
    app: OK,
    expect: { reply: { body: /^(?![^]*x-made)[^]*\r\n\r\nok$/ } },
    skip: NO_TEXT,
  },
];
