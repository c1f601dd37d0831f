import type { Behaviour, FilterSpec } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { REQUEST_HEADERS } from './numbers.js';
import { CLOSES_CHUNKED, noProxy } from './skips.js';

const onRequest = (...operations: Operation[]): FilterSpec => ({
  script: { callbacks: { proxy_on_request_headers: operations } },
});
const OK = { body: 'ok' };

/** What a filter sees of a request's head, and what the app sees of its edits. */
export const requestHeads: readonly Behaviour[] = [
  {
    name: 'a filter sees method, path, authority and scheme',
    filters: [
      onRequest(
        ...[':method', ':path', ':authority', ':scheme', 'host'].map((name): Operation => ({
          logHeader: [REQUEST_HEADERS, name],
        })),
      ),
    ],
    request: { path: '/a/b?c=d', headers: { host: 'example.test' } },
    app: OK,
    expect: {
      reply: { status: 200, body: 'ok' },
      logs: ['GET', '/a/b?c=d', 'example.test', 'http', 'example.test'],
    },
  },
  {
    name: 'the end of the stream is told with the headers where there is no body',
    filters: [onRequest({ atEnd: [{ log: 'end' }] }, { beforeEnd: [{ log: 'more' }] })],
    request: [{}, { body: 'x' }, { body: ['x'] }, { body: '' }],
    app: { echo: true },
    expect: { reply: [], logs: ['end', 'more', 'more', 'end'] },
    skip: CLOSES_CHUNKED,
  },
  {
    name: 'headers that a filter sets, adds and removes are so for the app',
    filters: [
      onRequest(
        { replace: [REQUEST_HEADERS, 'x-a', 'new'] },
        { replace: [REQUEST_HEADERS, 'x-b', 'made'] },
        { add: [REQUEST_HEADERS, 'x-c', 'two'] },
        { remove: [REQUEST_HEADERS, 'x-d'] },
      ),
    ],
    request: { headers: { 'X-A': 'old', 'X-C': 'one', 'X-D': 'gone' } },
    app: OK,
    expect: {
      reply: { status: 200 },
      seen: [{ headers: { 'x-a': 'new', 'x-b': 'made', 'x-c': 'one, two', 'x-d': undefined } }],
    },
  },
  {
    name: 'edits show where the headers had been read before the filter',
    before: [
      (req, _res, next) => {
        void [req.headers, req.headersDistinct];
        req.headers['x-own'] = 'mine';
        next();
      },
    ],
    filters: [
      onRequest(
        { replace: [REQUEST_HEADERS, 'x-a', 'new'] },
        { add: [REQUEST_HEADERS, 'x-b', '1'] },
        { remove: [REQUEST_HEADERS, 'x-d'] },
      ),
    ],
    request: { headers: { 'X-A': 'old', 'X-D': 'gone' } },
    app: OK,
    expect: {
      reply: { status: 200 },
      seen: [{ headers: { 'x-a': 'new', 'x-b': '1', 'x-d': undefined, 'x-own': 'mine' } }],
    },
  },
  {
    name: 'a filter sees what handlers before it did to req.headers',
    before: [
      (req, _res, next) => {
        req.headers['x-user'] = 'ann';
        req.headers['x-a'] = 'changed';
        delete req.headers['x-d'];
        next();
      },
    ],
    filters: [
      onRequest(
        { logHeader: [REQUEST_HEADERS, 'x-user'] },
        { logHeader: [REQUEST_HEADERS, 'x-a'] },
        { logHeader: [REQUEST_HEADERS, 'x-d'] },
        { add: [REQUEST_HEADERS, 'x-a', 'more'] },
      ),
    ],
    request: { headers: { 'X-A': 'old', 'X-D': 'gone', Cookie: 'a=1' } },
    app: OK,
    expect: {
      reply: { status: 200 },
      logs: ['ann', 'changed', 'status 1'],
      seen: [
        { headers: { 'x-user': 'ann', 'x-a': 'changed, more', 'x-d': undefined, cookie: 'a=1' } },
      ],
    },
  },
  {
    name: 'headers, headersDistinct and rawHeaders say the same after an edit',
    filters: [
      onRequest(
        { add: [REQUEST_HEADERS, 'cookie', 'b=2'] },
        { replace: [REQUEST_HEADERS, 'x-a', 'new'] },
      ),
    ],
    request: { headers: { Cookie: 'a=1', 'X-A': 'old' } },
    app: (req, res) => {
      const { headers, headersDistinct, rawHeaders } = req;
      const at = rawHeaders.findIndex((name) => name.toLowerCase() === 'x-a');
      res.end(
        JSON.stringify([
          headers['cookie'],
          headersDistinct['cookie'],
          headers['x-a'],
          headersDistinct['x-a'],
          rawHeaders[at + 1],
          rawHeaders.filter((name) => /^cookie$/i.test(name)).length,
        ]),
      );
    },
    expect: { reply: { body: '["a=1; b=2",["a=1","b=2"],"new",["new"],"new",2]' } },
    skip: {
      'node:http2': 'the compatibility API has no headersDistinct',
      'connect, HTTP/2': 'the compatibility API has no headersDistinct',
      'koa 3, HTTP/2': 'the compatibility API has no headersDistinct',
      ...noProxy('the library sends repeated headers on as one'),
    },
  },
  {
    name: 'a whole header map can be replaced',
    filters: [
      onRequest({
        setPairs: [
          REQUEST_HEADERS,
          [
            [':method', 'PUT'],
            [':path', '/other'],
            [':authority', 'else.test'],
            ['x-only', '1'],
          ],
        ],
      }),
    ],
    request: { headers: { 'x-a': 'old' } },
    app: OK,
    expect: {
      reply: { status: 200 },
      seen: [
        {
          method: 'PUT',
          url: '/other',
          headers: { host: 'else.test', 'x-only': '1', 'x-a': undefined },
        },
      ],
    },
  },
  {
    name: 'a new path sends the request elsewhere',
    filters: [onRequest({ replace: [REQUEST_HEADERS, ':path', '/new?q=1'] })],
    request: { path: '/old' },
    app: OK,
    expect: { reply: { status: 200 }, seen: [{ url: '/new?q=1', method: 'GET' }] },
  },
  {
    name: 'a new authority is the app’s Host',
    filters: [onRequest({ replace: [REQUEST_HEADERS, ':authority', 'else.test'] })],
    request: { headers: { host: 'example.test' } },
    app: OK,
    expect: { reply: { status: 200 }, seen: [{ headers: { host: 'else.test' } }] },
  },
  {
    name: 'GET turned into HEAD leaves the answer’s framing whole',
    filters: [onRequest({ replace: [REQUEST_HEADERS, ':method', 'HEAD'] })],
    request: [{}, {}],
    app: OK,
    expect: { reply: [{ status: 200 }, { status: 200 }], seen: [{ method: 'HEAD' }, {}] },
  },
  {
    name: 'HEAD turned into GET sends no body',
    filters: [onRequest({ replace: [REQUEST_HEADERS, ':method', 'GET'] })],
    request: [{ method: 'HEAD' }, {}],
    app: OK,
    expect: {
      reply: [{ status: 200, body: '' }, { body: 'ok' }],
      seen: [{ method: 'GET' }, {}],
      // Node's own client leaves a connection after a HEAD without a length.
      oneConnection: false,
    },
  },
  {
    name: 'a second filter sees what the first one did',
    filters: [
      onRequest(
        { replace: [REQUEST_HEADERS, 'x-a', 'first'] },
        { replace: [REQUEST_HEADERS, ':path', '/first'] },
      ),
      onRequest({ logHeader: [REQUEST_HEADERS, 'x-a'] }, { logHeader: [REQUEST_HEADERS, ':path'] }),
    ],
    request: {},
    app: OK,
    expect: { reply: { status: 200 }, logs: ['first', '/first'] },
  },
  {
    name: 'so does one in a filter of its own, behind a middleware that waits',
    filters: [
      onRequest(
        { replace: [REQUEST_HEADERS, 'x-a', 'first'] },
        { replace: [REQUEST_HEADERS, ':path', '/first'] },
      ),
    ],
    laterFilters: [
      onRequest(
        { logHeader: [REQUEST_HEADERS, 'x-a'] },
        { logHeader: [REQUEST_HEADERS, ':path'] },
        { replace: [REQUEST_HEADERS, 'x-a', 'second'] },
      ),
    ],
    request: {},
    app: OK,
    expect: {
      reply: { status: 200 },
      logs: ['first', '/first'],
      seen: [{ url: '/first', headers: { 'x-a': 'second' } }],
    },
  },
  {
    name: 'a property that a filter sets is the next one’s to read',
    filters: [onRequest({ setProperty: ['who', 'ann'] })],
    laterFilters: [
      onRequest({ logProperty: ['who'] }, { logProperty: ['filter_state', 'wasm.who'] }),
    ],
    request: {},
    app: OK,
    expect: { reply: { status: 200 }, logs: ['ann', 'ann'] },
  },
];
