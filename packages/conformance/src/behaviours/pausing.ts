import type { Behaviour } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { answered, CALL, filter, onRequest, UPSTREAMS } from './filters.js';
import { PAUSE, REQUEST_HEADERS, RESPONSE_HEADERS } from './numbers.js';

const STOP_ALL_BUFFER = 3;
const STOP_ALL_WATERMARK = 4;
const END_STREAM = 2;
const BIG = 'x'.repeat(200_000);
const OK = { body: 'ok' };
const upstreams = UPSTREAMS;
const goOn = (stream: number): Operation[] => [{ log: 'answered' }, { continueStream: stream }];
const bodySeen = { proxy_on_request_body: [{ logSizeAndEnd: true }] } as const;

/** Heads that a filter holds, and how they go on. */
export const pausing: readonly Behaviour[] = [
  {
    name: 'a request that a filter holds for a call reaches the app when the answer is there',
    filters: [
      filter(
        {
          proxy_on_request_headers: [CALL, { log: 'held' }, { return: PAUSE }],
          ...answered(
            { log: 'answered' },
            { add: [REQUEST_HEADERS, 'x-user', 'ann'] },
            { continueStream: 0 },
          ),
        },
        { upstreams },
      ),
    ],
    request: {},
    app: OK,
    expect: {
      reply: { body: 'ok' },
      seen: [{ headers: { 'x-user': 'ann' } }],
      logs: ['held', 'answered'],
    },
  },
  ...(
    [
      [PAUSE, 'by Pause'],
      [STOP_ALL_BUFFER, 'by StopAllIterationAndBuffer'],
      [STOP_ALL_WATERMARK, 'by StopAllIterationAndWatermark'],
    ] as const
  ).map(([status, how]): Behaviour => ({
    name: `a head held ${how} keeps the body from the filter, which gets it in one callback later`,
    filters: [
      filter(
        {
          proxy_on_request_headers: [CALL, { return: status }],
          ...bodySeen,
          ...answered(...goOn(0)),
        },
        { upstreams },
      ),
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwo' }, logs: ['answered', '6 1'] },
  })),
  {
    name: 'StopAllIterationAndWatermark keeps the body away even where Pause would not',
    filters: [
      filter(
        {
          proxy_on_request_headers: [CALL, { return: STOP_ALL_WATERMARK }],
          ...bodySeen,
          ...answered(...goOn(0)),
        },
        { upstreams, allowOnHeadersStopIteration: true },
      ),
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwo' }, logs: ['answered', '6 1'] },
  },
  {
    name: 'Pause that lets body callbacks go on releases the head with the first that continues',
    filters: [
      filter(
        { proxy_on_request_headers: [{ return: PAUSE }], ...bodySeen },
        { allowOnHeadersStopIteration: true },
      ),
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwo' }, logs: ['3 0', '3 1'] },
  },
  {
    name: 'ContinueAndEndStream goes on',
    filters: [onRequest({ return: END_STREAM })],
    request: {},
    app: OK,
    expect: { reply: { body: 'ok' } },
  },
  {
    name: 'continue_stream where nothing is held does nothing',
    filters: [onRequest({ continueStream: 0 }, { logStatus: true })],
    request: [{}, {}],
    app: OK,
    expect: { reply: [{ body: 'ok' }, { body: 'ok' }], logs: ['status 0', 'status 0'] },
  },
  {
    name: 'continue_stream and then Pause in one callback is to be resumed',
    filters: [onRequest({ continueStream: 0 }, { return: PAUSE })],
    request: {},
    app: OK,
    expect: { reply: { body: 'ok' } },
  },
  {
    name: 'after continue_stream the request’s headers can not be changed',
    filters: [
      onRequest(
        { continueStream: 0 },
        { add: [REQUEST_HEADERS, 'x-late', '1'] },
        { logStatus: true },
        { return: PAUSE },
      ),
    ],
    request: {},
    app: OK,
    expect: {
      reply: { body: 'ok' },
      seen: [{ headers: { 'x-late': undefined } }],
      logs: ['status 2'],
    },
  },
  {
    name: 'a timer of the plugin can resume a request',
    filters: [
      filter({
        proxy_on_configure: [{ setTickPeriod: 20 }],
        proxy_on_request_headers: [{ log: 'held' }, { return: PAUSE }],
        proxy_on_tick: [{ effectiveContext: 2 }, { continueStream: 0 }],
      }),
    ],
    request: {},
    app: OK,
    expect: { reply: { body: 'ok' }, logs: ['held'] },
  },
  {
    name: 'what one filter holds, the next has not seen',
    filters: [
      filter(
        {
          proxy_on_request_headers: [CALL, { log: 'held' }, { return: PAUSE }],
          ...answered(...goOn(0)),
        },
        { upstreams },
      ),
      onRequest({ log: 'second' }),
    ],
    request: {},
    app: OK,
    expect: { reply: { body: 'ok' }, logs: ['held', 'answered', 'second'] },
  },
  {
    name: 'two filters can hold a request one after the other',
    filters: ['1', '2'].map((name) =>
      filter(
        {
          proxy_on_request_headers: [CALL, { log: `held ${name}` }, { return: PAUSE }],
          ...answered(...goOn(0)),
        },
        { upstreams },
      ),
    ),
    request: {},
    app: OK,
    expect: { reply: { body: 'ok' }, logs: ['held 1', 'answered', 'held 2', 'answered'] },
  },
  {
    name: 'a response that a filter holds for a call goes out when the answer is there',
    filters: [
      filter(
        {
          proxy_on_response_headers: [CALL, { log: 'held' }, { return: PAUSE }],
          ...answered(
            { log: 'answered' },
            { add: [RESPONSE_HEADERS, 'x-user', 'ann'] },
            { continueStream: 1 },
          ),
        },
        { upstreams },
      ),
    ],
    request: [{}, {}],
    app: OK,
    expect: {
      reply: [{ body: 'ok', headers: { 'x-user': 'ann' } }, { body: 'ok' }],
      logs: ['held', 'answered', 'held', 'answered'],
    },
  },
  {
    name: 'a response’s body that came while its head was held comes in one callback',
    filters: [
      filter(
        {
          proxy_on_response_headers: [CALL, { return: STOP_ALL_BUFFER }],
          proxy_on_response_body: [{ logSizeAndEnd: true }],
          ...answered(...goOn(1)),
        },
        { upstreams },
      ),
    ],
    request: {},
    app: { body: ['one', 'two'] },
    expect: { reply: { body: 'onetwo' }, logs: ['answered', '6 1'] },
  },
  {
    name: 'an app that has answered while its response is held is not asked again',
    filters: [
      filter(
        {
          proxy_on_response_headers: [CALL, { return: PAUSE }],
          ...answered({ continueStream: 1 }),
        },
        { upstreams },
      ),
    ],
    request: { body: BIG },
    app: (_req, res) => void res.end('early'),
    expect: { reply: { body: 'early' }, seen: [{}] },
  },
];
