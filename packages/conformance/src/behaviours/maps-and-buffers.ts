import { filterState } from '@proxy-wasm-node/core/node';

import type { Behaviour } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { filter, onRequest, onRequestBody, onResponse, onResponseBody } from './filters.js';
import { REQUEST_BODY, REQUEST_HEADERS, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';
import { noProxy } from './skips.js';

const OK = { body: 'ok' };

/** What hostcalls show and change, and when they refuse to. */
export const mapsAndBuffers: readonly Behaviour[] = [
  {
    name: 'of a repeated header the map gives the first value, the property all',
    filters: [
      onRequest(
        { logHeader: [REQUEST_HEADERS, 'x-a'] },
        { logProperty: ['request', 'headers', 'x-a'] },
      ),
    ],
    request: { headers: { 'x-a': ['one', 'two'] } },
    app: OK,
    expect: { reply: OK, logs: ['one', 'one,two'] },
  },
  {
    name: 'to remove a header that is not there is Ok',
    filters: [onRequest({ remove: [REQUEST_HEADERS, 'x-none'] }, { logStatus: true })],
    request: {},
    app: OK,
    expect: { reply: OK, logs: ['status 0'] },
  },
  {
    name: 'a request’s headers can not be changed in a response callback, but read',
    filters: [
      onResponse(
        { add: [REQUEST_HEADERS, 'x-a', '1'] },
        { logStatus: true },
        { logHeader: [REQUEST_HEADERS, ':method'] },
      ),
    ],
    request: {},
    app: OK,
    expect: { reply: OK, logs: ['status 2', 'GET'] },
  },
  {
    name: 'the heads of request and response can be read when the exchange is over',
    filters: [
      filter({
        proxy_on_response_headers: [],
        proxy_on_log: [
          { logHeader: [REQUEST_HEADERS, ':path'] },
          { logHeader: [RESPONSE_HEADERS, ':status'] },
          { add: [RESPONSE_HEADERS, 'x-late', '1'] },
          { logStatus: true },
        ],
      }),
    ],
    request: { path: '/a' },
    app: { status: 201, body: 'ok' },
    expect: { reply: { status: 201 }, logs: ['/a', '201', 'status 2'] },
  },
  {
    name: 'a range that begins inside the body can not be set',
    filters: [onRequestBody({ setBuffer: [REQUEST_BODY, 1, 1, 'x'] }, { logStatus: true })],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'hello' }, logs: ['status 2'] },
  },
  {
    name: 'a set range at the start drops that much and prepends',
    filters: [onRequestBody({ setBuffer: [REQUEST_BODY, 0, 2, 'J'] })],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'Jllo' }, seen: [{ headers: { 'content-length': '4' } }] },
  },
  {
    name: 'a part of a body can be read',
    filters: [
      onRequestBody({ logBuffer: [REQUEST_BODY, 1, 3] }, { logBuffer: [REQUEST_BODY, 3, 99] }),
    ],
    request: { body: 'hello' },
    app: OK,
    expect: { reply: OK, logs: ['ell', 'lo'] },
  },
  ...(
    [
      ['puts in front', [0, 0, 'oh, '], 'oh, hello', 'status 0'],
      ['replaces the start', [0, 2, 'J'], 'Jllo', 'status 0'],
      ['replaces all', [0, 99, 'all'], 'all', 'status 0'],
      ['puts behind', [5, 0, '!'], 'hello!', 'status 0'],
      ['puts behind, whatever the length says', [99, 7, '!'], 'hello!', 'status 0'],
      ['is refused in the middle', [2, 1, 'x'], 'hello', 'status 2'],
    ] as const
  ).map(([what, [start, length, text], body, status]): Behaviour => ({
    name: `a set range of a response’s body ${what}`,
    filters: [
      onResponseBody({
        atEnd: [{ setBuffer: [RESPONSE_BODY, start, length, text] }, { logStatus: true }],
      }),
    ],
    request: [{}, {}],
    app: (_req, res) => void res.end('hello'),
    expect: {
      reply: [{ body, headers: { 'content-length': String(body.length) } }, { body }],
      logs: [status, status],
    },
    skip: noProxy('the end of a body that is piped comes in a callback of its own'),
  })),
  {
    name: 'outside its callbacks a body is empty, and can not be set',
    filters: [
      filter({
        proxy_on_request_headers: [
          { logBuffer: [REQUEST_BODY] },
          { logBuffer: [RESPONSE_BODY] },
          { setBuffer: [REQUEST_BODY, 0, 0, 'x'] },
          { logStatus: true },
          { setBuffer: [RESPONSE_BODY, 0, 0, 'x'] },
          { logStatus: true },
        ],
        proxy_on_request_body: [],
        proxy_on_response_headers: [{ logBuffer: [REQUEST_BODY] }],
      }),
    ],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'hello' }, logs: ['', '', 'status 2', 'status 2', ''] },
  },
  {
    name: 'a configuration can not be set, and what is not there is not found',
    filters: [
      onRequest(
        ...[4, 5, 6, 7, 8].flatMap((buffer): Operation[] => [
          { setBuffer: [buffer, 0, 0, 'x'] },
          { logStatus: true },
        ]),
      ),
    ],
    request: {},
    app: OK,
    expect: { reply: OK, logs: [1, 1, 2, 1, 1].map((status) => `status ${String(status)}`) },
  },
  {
    name: 'header names have no case to a filter, and host is the authority',
    filters: [
      onRequest(
        { logHeader: [REQUEST_HEADERS, 'X-MIXED'] },
        { replace: [REQUEST_HEADERS, 'X-Mixed', 'b'] },
        { add: [REQUEST_HEADERS, 'X-Made', 'c'] },
        { logHeader: [REQUEST_HEADERS, 'x-mAde'] },
        { remove: [REQUEST_HEADERS, 'X-Gone'] },
        { logHeader: [REQUEST_HEADERS, 'Host'] },
        { logHeader: [REQUEST_HEADERS, ':authority'] },
      ),
    ],
    request: { headers: { 'x-Mixed': 'a', 'x-gone': '1', host: 'example.test' } },
    app: OK,
    expect: {
      reply: OK,
      logs: ['a', 'c', 'example.test', 'example.test'],
      seen: [{ headers: { 'x-mixed': 'b', 'x-made': 'c', 'x-gone': undefined } }],
    },
  },
  {
    name: 'to replace a repeated header replaces its first value',
    filters: [onResponse({ replace: [RESPONSE_HEADERS, 'set-cookie', 'a=9'] })],
    request: {},
    app: { headers: { 'set-cookie': ['a=1', 'b=2'] }, body: 'ok' },
    expect: { reply: { headers: { 'set-cookie': ['a=9', 'b=2'] } } },
  },
  {
    name: 'an app finds what filters have stored',
    filters: [onRequest({ setProperty: ['who', 'ann'] })],
    request: {},
    app: (req, res) => void res.end(Buffer.from(filterState(req).get('who') ?? [])),
    expect: { reply: { body: 'ann' } },
    skip: noProxy('the app is another server, which gets the request alone'),
  },
];
