import type { Behaviour } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { filter, HOLD, onRequestBody } from './filters.js';
import { ALL, REQUEST_BODY, REQUEST_TRAILERS } from './numbers.js';
import { DROPS_TRAILERS } from './skips.js';

const APPEND: Operation = { setBuffer: [REQUEST_BODY, ALL, 0, '!'] };
const BIG = 'x'.repeat(200_000);
const seesTrailers = (label: string, value: string) =>
  filter({
    proxy_on_request_headers: [{ logSizeAndEnd: true }],
    proxy_on_request_trailers: [
      { log: label },
      { logHeader: [REQUEST_TRAILERS, 'x-sum'] },
      { replace: [REQUEST_TRAILERS, 'x-sum', value] },
    ],
  });

/** Filters that get a request when some of it has come already. */
export const lateFilters: readonly Behaviour[] = [
  {
    name: 'a filter behind a middleware that waits still sees the whole body',
    filters: [onRequestBody({ atEnd: [{ setBuffer: [REQUEST_BODY, ALL, 0, '1'] }] })],
    laterFilters: [onRequestBody(...HOLD, { logBuffer: [REQUEST_BODY] }, APPEND)],
    request: { body: 'hello' },
    app: { echo: true },
    expect: {
      reply: { body: 'hello1!' },
      logs: ['hello1'],
      seen: [{ headers: { 'content-length': '7' } }],
    },
  },
  {
    name: 'so does the only one, of a body that is still coming',
    filters: [],
    laterFilters: [onRequestBody({ logSizeAndEnd: true }, { atEnd: [APPEND] })],
    request: { body: BIG },
    app: { echo: true },
    expect: { reply: { bodyLength: BIG.length + 1 } },
  },
  {
    name: 'a body of which there is nothing is no body to a late filter',
    filters: [],
    laterFilters: [
      filter({
        proxy_on_request_headers: [{ atEnd: [{ log: 'end' }] }],
        proxy_on_request_body: [{ log: 'body' }],
      }),
    ],
    request: { body: [] },
    app: { echo: true },
    expect: { reply: { body: '' }, logs: ['end'] },
  },
  {
    name: 'a body that was read before the filter is refused, and the log says why',
    before: [readAll],
    filters: [onRequestBody({ log: 'body' })],
    request: [{ body: 'hello' }, {}],
    app: { body: 'ok' },
    expect: {
      reply: [{ status: 503, body: '' }, { body: 'ok' }],
      logs: [],
      errors: [/read before the filter/],
    },
  },
  {
    name: 'unless the plugin fails open',
    before: [readAll],
    filters: [{ ...onRequestBody({ log: 'body' }), failurePolicy: 'fail-open' }],
    request: { body: 'hello' },
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' }, logs: [], errors: [/read before the filter/] },
  },
  {
    name: 'or the option allows it: then the filter sees a request without a body',
    before: [readAll],
    allowConsumedBody: true,
    filters: [
      filter({
        proxy_on_request_headers: [{ atEnd: [{ log: 'end' }] }],
        proxy_on_request_body: [{ log: 'body' }],
      }),
    ],
    request: { body: 'hello' },
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' }, logs: ['end'] },
  },
  {
    name: 'a filter without body callbacks does not mind a body that was read',
    before: [readAll],
    filters: [filter({ proxy_on_request_headers: [{ log: 'headers' }] })],
    request: { body: 'hello' },
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' }, logs: ['headers'] },
  },
  {
    name: 'trailers that came before a late filter reach it, and the app as it left them',
    filters: [],
    laterFilters: [
      filter({
        proxy_on_request_body: [{ logSizeAndEnd: true }],
        proxy_on_request_trailers: [
          { logHeader: [REQUEST_TRAILERS, 'x-sum'] },
          { replace: [REQUEST_TRAILERS, 'x-sum', '2'] },
        ],
      }),
    ],
    request: { body: ['hello'], trailers: { 'x-sum': '1' } },
    app: { echo: true },
    expect: {
      reply: { body: 'hello' },
      logs: ['5 0', '1'],
      seen: [{ trailers: { 'x-sum': '2' } }],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'as a filter before it left them',
    filters: [seesTrailers('first', '2')],
    laterFilters: [seesTrailers('later', '3')],
    request: { body: ['hello'], trailers: { 'x-sum': '1' } },
    app: { echo: true },
    expect: { reply: { body: 'hello' }, seen: [{ trailers: { 'x-sum': '3' } }] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'where there is nothing but trailers too',
    filters: [],
    laterFilters: [
      filter({
        proxy_on_request_headers: [{ atEnd: [{ log: 'end' }] }],
        proxy_on_request_body: [{ log: 'body' }],
        proxy_on_request_trailers: [{ logHeader: [REQUEST_TRAILERS, 'x-sum'] }],
      }),
    ],
    request: { body: [], trailers: { 'x-sum': '1' } },
    app: { echo: true },
    expect: { reply: { body: '' }, logs: ['1'], seen: [{ trailers: { 'x-sum': '1' } }] },
    skip: DROPS_TRAILERS,
  },
];

function readAll(
  req: { resume(): unknown; complete: boolean; on: NodeJS.EventEmitter['on'] },
  _res: unknown,
  next: () => void,
): void {
  req.on('end', next);
  req.resume();
}
