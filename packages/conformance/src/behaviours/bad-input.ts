import type { Behaviour, FilterSpec } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import {
  ALL,
  REQUEST_HEADERS,
  RESPONSE_BODY,
  RESPONSE_HEADERS,
  RESPONSE_TRAILERS,
} from './numbers.js';
import { DROPS_TRAILERS, noHttpProxy, ROUTES_AGAIN } from './skips.js';

const filter = (callbacks: Extract<FilterSpec, { script: unknown }>['script']['callbacks']) => ({
  script: { callbacks },
});
const CONNECTION: readonly (readonly [name: string, value: string])[] = [
  ['connection', 'x-app, close'],
  ['keep-alive', 'timeout=1'],
  ['proxy-connection', 'keep-alive'],
  ['transfer-encoding', 'gzip, chunked'],
  ['upgrade', 'h2c'],
];
const writeAll = (map: number): Operation[] =>
  CONNECTION.flatMap(([name, value], index): Operation[] => [
    index % 2 === 0 ? { add: [map, name, value] } : { replace: [map, name, value] },
    { logStatus: true },
  ]);
const ACCEPTED = CONNECTION.map(() => 'status 0');
const NONE_OF_THEM = { 'keep-alive': undefined, 'proxy-connection': undefined, upgrade: undefined };
const NOT_SENT = { 'proxy-connection': undefined, upgrade: undefined };
const REFUSED = 'status 2';
/** The host says so too, once for each hostcall in a while. */
const complaint = (hostcall: string): string =>
  `${hostcall} failed: a name or value is none that HTTP allows; the guest gets BAD_ARGUMENT`;
const ADD = complaint('proxy_add_header_map_value');
const REPLACE = complaint('proxy_replace_header_map_value');

/** What a filter should not do: it is told, or nothing comes of it; the app and the client live. */
export const badInput: readonly Behaviour[] = [
  {
    name: 'headers of the connection that a filter writes on a request do not reach the app',
    filters: [filter({ proxy_on_request_headers: writeAll(REQUEST_HEADERS) })],
    request: [{}, { body: 'with a length' }, { body: ['in ', 'chunks'] }],
    app: { echo: true },
    expect: {
      reply: [{ body: '' }, { body: 'with a length' }, { body: 'in chunks' }],
      seen: [
        { headers: { ...NONE_OF_THEM, 'transfer-encoding': undefined } },
        { headers: { ...NONE_OF_THEM, 'transfer-encoding': undefined, 'content-length': '13' } },
        { headers: { ...NONE_OF_THEM, 'transfer-encoding': 'chunked' } },
      ],
      logs: [...ACCEPTED, ...ACCEPTED, ...ACCEPTED],
    },
  },
  {
    name: 'nor the client, on a response: its framing and its connection stay',
    filters: [
      filter({
        proxy_on_response_headers: writeAll(RESPONSE_HEADERS),
        proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
      }),
    ],
    request: [{}, {}],
    app: { body: 'whole' },
    expect: {
      reply: [
        { body: 'whole!', headers: NOT_SENT },
        { body: 'whole!', headers: NOT_SENT },
      ],
      logs: [...ACCEPTED, ...ACCEPTED],
    },
  },
  {
    name: 'nor as trailers',
    filters: [
      filter({
        proxy_on_response_trailers: [
          ...writeAll(RESPONSE_TRAILERS),
          { add: [RESPONSE_TRAILERS, 'x-made', '1'] },
        ],
      }),
    ],
    request: [{}, {}],
    app: (_req, res) => {
      res.setHeader('trailer', 'x-sum, x-made');
      res.write('hello');
      res.addTrailers({ 'x-sum': '1' });
      res.end();
    },
    expect: {
      reply: [{ body: 'hello', trailers: { 'x-sum': '1', 'x-made': '1' } }, {}],
      logs: [...ACCEPTED, ...ACCEPTED],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'nor with a local response',
    filters: [
      filter({
        proxy_on_request_headers: [
          { localResponse: { status: 403, body: 'no', headers: [...CONNECTION, ['x-ok', '1']] } },
        ],
      }),
    ],
    request: [{}, {}],
    app: {},
    expect: {
      reply: [
        { status: 403, body: 'no', headers: { ...NOT_SENT, 'x-ok': '1' } },
        { status: 403, body: 'no' },
      ],
      seen: [],
    },
  },
  {
    name: 'nor with a whole map; what the map held of them stays',
    filters: [
      filter({
        proxy_on_request_headers: [
          {
            setPairs: [
              REQUEST_HEADERS,
              [
                [':method', 'GET'],
                [':path', '/'],
                [':authority', 'a'],
                ['x-ok', '1'],
                ...CONNECTION,
              ],
            ],
          },
          { logStatus: true },
        ],
        proxy_on_response_headers: [
          {
            setPairs: [
              RESPONSE_HEADERS,
              [[':status', '200'], ['content-length', '5'], ['x-ok', '1'], ...CONNECTION],
            ],
          },
          { logStatus: true },
        ],
      }),
    ],
    request: [{}, {}],
    app: { body: 'whole' },
    expect: {
      reply: [{ body: 'whole', headers: { ...NOT_SENT, 'x-ok': '1' } }, { body: 'whole' }],
      seen: [{ headers: { ...NONE_OF_THEM, 'x-ok': '1' } }, {}],
      logs: ['status 0', 'status 0', 'status 0', 'status 0'],
    },
  },
  {
    name: 'removing them changes no framing',
    filters: [
      filter({
        proxy_on_request_headers: CONNECTION.map(([name]) => ({ remove: [REQUEST_HEADERS, name] })),
        proxy_on_response_headers: CONNECTION.map(([name]) => ({
          remove: [RESPONSE_HEADERS, name],
        })),
      }),
    ],
    request: [{ body: ['in ', 'chunks'] }, { body: 'with a length' }, {}],
    app: { echo: true },
    expect: {
      reply: [{ body: 'in chunks' }, { body: 'with a length' }, { body: '' }],
      // Without the header the client can't know that the connection may be kept.
      oneConnection: false,
    },
  },
  {
    name: 'header names and values that HTTP does not have are refused',
    filters: [
      filter({
        proxy_on_request_headers: [
          { add: [REQUEST_HEADERS, 'x y', '1'] },
          { logStatus: true },
          { replace: [REQUEST_HEADERS, 'x-line', 'a\r\nx-split: 1'] },
          { logStatus: true },
        ],
        proxy_on_response_headers: [
          { add: [RESPONSE_HEADERS, '', '1'] },
          { logStatus: true },
          { replace: [RESPONSE_HEADERS, 'x-line', 'a\nx-split: 1'] },
          { logStatus: true },
          { add: [RESPONSE_HEADERS, ':path', '/'] },
          { logStatus: true },
        ],
      }),
    ],
    request: {},
    app: { body: 'fine' },
    expect: {
      reply: { status: 200, body: 'fine', headers: { 'x-line': undefined, 'x-split': undefined } },
      seen: [{ headers: { 'x-line': undefined, 'x-split': undefined } }],
      logs: [ADD, REFUSED, REPLACE, REFUSED, REFUSED, REFUSED, REFUSED],
    },
  },
  {
    name: 'a status that HTTP does not have is refused',
    filters: [
      filter({
        proxy_on_response_headers: ['99', '1000', '100', '2xx', ''].flatMap(
          (status): Operation[] => [
            { replace: [RESPONSE_HEADERS, ':status', status] },
            { logStatus: true },
          ],
        ),
      }),
    ],
    request: {},
    app: { status: 201, body: 'fine' },
    expect: {
      reply: { status: 201, body: 'fine' },
      logs: [REPLACE, REFUSED, REFUSED, REFUSED, REFUSED, REFUSED],
    },
  },
  {
    name: 'a local response with such a status is 500, and the log says why',
    filters: [filter({ proxy_on_request_headers: [{ localResponse: { status: 99 } }] })],
    request: {},
    app: {},
    expect: {
      reply: { status: 500 },
      seen: [],
      logs: ['local response with status 99, which HTTP does not have: 500 is sent'],
    },
  },
  {
    name: 'a path or method that is none is refused',
    filters: [
      filter({
        proxy_on_request_headers: (
          [
            [':path', ''],
            [':path', '/with space'],
            [':method', 'G ET'],
            [':nonsense', '1'],
          ] as const
        ).flatMap(([name, value]): Operation[] => [
          { replace: [REQUEST_HEADERS, name, value] },
          { logStatus: true },
        ]),
      }),
    ],
    request: { path: '/as/it/was' },
    app: { body: 'fine' },
    expect: {
      reply: { status: 200, body: 'fine' },
      seen: [{ method: 'GET', url: '/as/it/was' }],
      logs: [REPLACE, REFUSED, REFUSED, REFUSED, REFUSED],
    },
  },
  {
    name: 'a path that is odd, but one, reaches the app',
    filters: [
      filter({
        proxy_on_request_headers: [{ replace: [REQUEST_HEADERS, ':path', '//%zz/../?a=b?c#d'] }],
      }),
    ],
    request: {},
    app: (req, res) => void res.end(req.url),
    expect: { reply: { status: 200, body: '//%zz/../?a=b?c#d' } },
    skip: { ...noHttpProxy('the library writes the path anew'), ...ROUTES_AGAIN },
  },
  {
    name: 'a header far larger than the server would take goes out',
    filters: [
      filter({
        proxy_on_response_headers: [{ add: [RESPONSE_HEADERS, 'x-long', 'x'.repeat(10_000)] }],
      }),
    ],
    request: [{}, {}],
    app: { body: 'fine' },
    expect: { reply: [{ body: 'fine', headers: { 'x-long': 'x'.repeat(10_000) } }, {}] },
  },
  {
    name: 'so does one on a request reach the app',
    filters: [
      filter({
        proxy_on_request_headers: [{ add: [REQUEST_HEADERS, 'x-long', 'x'.repeat(10_000)] }],
      }),
    ],
    request: [{}, {}],
    app: { body: 'fine' },
    expect: {
      reply: [{ body: 'fine' }, { body: 'fine' }],
      seen: [{ headers: { 'x-long': 'x'.repeat(10_000) } }, {}],
    },
  },
  {
    name: 'without a status a response is 502',
    filters: [filter({ proxy_on_response_headers: [{ remove: [RESPONSE_HEADERS, ':status'] }] })],
    request: [{}, {}],
    app: { body: 'fine' },
    expect: { reply: [{ status: 502 }, { status: 502 }] },
  },
  ...[':path', ':method'].map((name): Behaviour => {
    const body = `missing required header: ${name}`;
    const details = `filter_removed_required_request_headers{missing_required_header:_${name}}`;
    return {
      name: `a request without ${name} is answered 503, and the app does not get it`,
      filters: [
        filter({ proxy_on_log: [{ logProperty: ['response', 'code_details'] }] }),
        filter({ proxy_on_request_headers: [{ remove: [REQUEST_HEADERS, name] }] }),
      ],
      request: [{ path: '/as/it/was' }, { body: 'hello' }],
      app: { echo: true },
      expect: {
        reply: [
          { status: 503, body },
          { status: 503, body },
        ],
        seen: [],
        logs: [details, details],
      },
    };
  }),
  {
    name: 'unless the filter gives it another one',
    filters: [
      filter({
        proxy_on_request_headers: [
          { remove: [REQUEST_HEADERS, ':path'] },
          { add: [REQUEST_HEADERS, ':path', '/other'] },
        ],
      }),
    ],
    request: { path: '/as/it/was' },
    app: { body: 'fine' },
    expect: { reply: { body: 'fine' }, seen: [{ method: 'GET', url: '/other' }] },
  },
];
