import type { Behaviour } from '../behaviour.js';
import { filter, onRequest, onRequestBody, onResponse } from './filters.js';
import { REQUEST_BODY, REQUEST_HEADERS, RESPONSE_HEADERS } from './numbers.js';

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
];
