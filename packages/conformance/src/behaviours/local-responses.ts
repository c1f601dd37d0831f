import type { Behaviour } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { answered, CALL, DENY, filter, HOLD, onRequest, onResponse, UPSTREAMS } from './filters.js';
import { PAUSE, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';
import { DROPS_TRAILERS } from './skips.js';

const OK = { body: 'ok' };
const DENIED = { status: 403, body: 'denied', headers: { 'x-why': 'rule' } };
const GRPC = { 'content-type': 'application/grpc' };
const upstreams = UPSTREAMS;
const logsDetails: Operation = { logProperty: ['response', 'code_details'] };

/** Answers that a filter gives itself. */
export const localResponses: readonly Behaviour[] = [
  {
    name: 'a filter can answer when the request’s trailers have come',
    filters: [
      filter({
        proxy_on_request_body: [{ return: PAUSE }],
        proxy_on_request_trailers: [DENY],
      }),
    ],
    request: { body: ['one'], trailers: { 'x-sum': '1' } },
    app: { echo: true },
    expect: { reply: DENIED },
  },
  {
    name: 'a filter can answer instead of a response’s body that it has seen',
    filters: [filter({ proxy_on_response_body: [...HOLD, DENY] })],
    request: [{}, {}],
    app: { body: ['secret ', 'text'] },
    expect: { reply: [DENIED, DENIED] },
  },
  {
    name: 'a filter can answer when a response’s trailers have come, if the body was held',
    filters: [
      filter({
        proxy_on_response_body: [{ return: PAUSE }],
        proxy_on_response_trailers: [DENY],
      }),
    ],
    request: {},
    app: (_req, res) => {
      res.setHeader('trailer', 'x-sum');
      res.write('hello');
      res.addTrailers({ 'x-sum': '1' });
      res.end();
    },
    expect: { reply: DENIED },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'an answer when part of the response is out ends the connection instead',
    filters: [filter({ proxy_on_response_body: [{ atEnd: [DENY] }] })],
    request: {},
    app: async (_req, res, client) => {
      res.write('begun');
      await client.received('begun');
      res.end('more');
    },
    expect: { reply: [], broken: true },
  },
  {
    name: 'a filter can answer when a call’s answer is there',
    filters: [
      filter(
        { proxy_on_request_headers: [CALL, { return: PAUSE }], ...answered(DENY) },
        { upstreams },
      ),
    ],
    request: [{}, { body: 'x' }],
    app: OK,
    expect: { reply: [DENIED, DENIED], seen: [] },
  },
  {
    name: 'a filter can answer for the response when a call’s answer is there',
    filters: [
      filter(
        { proxy_on_response_headers: [CALL, { return: PAUSE }], ...answered(DENY) },
        { upstreams },
      ),
    ],
    request: [{}, {}],
    app: OK,
    expect: { reply: [DENIED, DENIED] },
  },
  {
    name: 'a timer of the plugin can answer a request that is held',
    filters: [
      filter({
        proxy_on_configure: [{ setTickPeriod: 20 }],
        proxy_on_request_headers: [{ return: PAUSE }],
        proxy_on_tick: [{ effectiveContext: 2 }, DENY],
      }),
    ],
    request: {},
    app: OK,
    expect: { reply: DENIED, seen: [] },
  },
  {
    name: 'the first of two answers counts',
    filters: [onRequest(DENY, { localResponse: { status: 500, body: 'second' } })],
    request: [{}, {}],
    app: OK,
    expect: { reply: [DENIED, DENIED], seen: [] },
  },
  {
    name: 'an answer overrides what the callback returns',
    filters: [onRequest(DENY, { return: 0 })],
    request: {},
    app: OK,
    expect: { reply: DENIED, seen: [] },
  },
  {
    name: 'continue_stream after an answer changes nothing',
    filters: [onRequest(DENY, { continueStream: 0 })],
    request: {},
    app: OK,
    expect: { reply: DENIED, seen: [] },
  },
  {
    name: 'filters behind the one that answers the request see neither it nor the answer',
    filters: [
      onRequest(DENY),
      filter({
        proxy_on_request_headers: [{ log: 'request' }],
        proxy_on_response_headers: [{ log: 'response' }],
      }),
    ],
    request: {},
    app: OK,
    expect: { reply: DENIED },
  },
  {
    name: 'the filter that answers sees its own answer pass',
    filters: [
      filter({
        proxy_on_request_headers: [DENY],
        proxy_on_response_headers: [{ logHeader: [RESPONSE_HEADERS, ':status'] }],
        proxy_on_response_body: [{ logBuffer: [RESPONSE_BODY] }],
      }),
    ],
    request: {},
    app: OK,
    expect: { reply: DENIED, logs: ['403', 'denied'] },
  },
  {
    name: 'a filter in front can change another’s answer, and the length is right',
    filters: [
      filter({ proxy_on_response_body: [{ setBuffer: [RESPONSE_BODY, 0, 0, 'you are '] }] }),
      onRequest(DENY),
    ],
    request: [{}, {}],
    app: OK,
    expect: {
      reply: [{ body: 'you are denied', headers: { 'content-length': '14' } }, { status: 403 }],
    },
  },
  {
    name: 'an answer keeps the content-type that it is given',
    filters: [
      onRequest({
        localResponse: { status: 403, body: '{}', headers: [['Content-Type', 'application/json']] },
      }),
    ],
    request: {},
    app: OK,
    expect: { reply: { body: '{}', headers: { 'content-type': 'application/json' } } },
  },
  {
    name: 'an answer’s length is that of its body, whatever it says',
    filters: [
      onRequest({
        localResponse: { status: 403, body: 'four', headers: [['content-length', '99']] },
      }),
    ],
    request: [{}, {}],
    app: OK,
    expect: { reply: [{ body: 'four', headers: { 'content-length': '4' } }, { body: 'four' }] },
  },
  {
    name: 'an answer without a body has no content-type, even if it says one',
    filters: [
      onRequest({ localResponse: { status: 403, headers: [['content-type', 'text/html']] } }),
    ],
    request: {},
    app: OK,
    expect: { reply: { body: '', headers: { 'content-type': undefined } } },
  },
  {
    name: 'an answer can set several cookies',
    filters: [
      onRequest({
        localResponse: {
          status: 302,
          headers: [
            ['location', '/login'],
            ['Set-Cookie', 'a=1'],
            ['set-cookie', 'b=2'],
          ],
        },
      }),
    ],
    request: {},
    app: OK,
    expect: {
      reply: { status: 302, headers: { location: '/login', 'set-cookie': ['a=1', 'b=2'] } },
    },
  },
  {
    name: 'an answer’s details are the response’s, with _ for spaces',
    filters: [
      filter({
        proxy_on_request_headers: [{ localResponse: { status: 403, details: 'not on the list' } }],
        proxy_on_log: [logsDetails],
      }),
    ],
    request: {},
    app: OK,
    expect: { reply: { status: 403, reason: 'Forbidden' }, logs: ['not_on_the_list'] },
  },
  {
    name: 'the details of what the app answers are via_upstream',
    filters: [filter({ proxy_on_response_headers: [], proxy_on_log: [logsDetails] })],
    request: {},
    app: OK,
    expect: { reply: { status: 200 }, logs: ['via_upstream'] },
  },
  ...(
    [
      ['its gRPC status, if it has one', { grpcStatus: 5, status: 403 }, '5'],
      ['the gRPC status of 403, if it has none', { status: 403 }, '7'],
      ['the gRPC status of 503, if its own is none', { grpcStatus: 17, status: 503 }, '14'],
      ['Unknown, if its HTTP status has none in gRPC', { status: 418 }, '2'],
    ] as const
  ).map(([name, answer, grpcStatus]): Behaviour => ({
    name: `a gRPC request is answered with 200 and ${name}`,
    filters: [onRequest({ localResponse: { ...answer, body: 'no, 100%' } })],
    request: { method: 'POST', headers: GRPC, body: 'x' },
    app: OK,
    expect: {
      reply: {
        status: 200,
        body: '',
        headers: {
          'content-type': 'application/grpc',
          'grpc-status': grpcStatus,
          'grpc-message': 'no, 100%25',
        },
      },
      seen: [],
    },
  })),
  {
    name: 'a gRPC status is nothing to a request that is not gRPC',
    filters: [onRequest({ localResponse: { status: 403, grpcStatus: 7, body: 'no' } })],
    request: { headers: { 'content-type': 'application/grpcish' }, body: 'x' },
    app: OK,
    expect: { reply: { status: 403, body: 'no', headers: { 'grpc-status': undefined } } },
  },
  {
    name: 'an answer to HEAD in a response phase has no body either',
    filters: [onResponse(DENY)],
    request: [{ method: 'HEAD' }, { method: 'HEAD' }],
    app: OK,
    expect: { reply: [{ status: 403, body: '' }, { status: 403 }] },
  },
];
