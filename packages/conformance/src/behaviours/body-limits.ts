import { once } from 'node:events';

import type { Behaviour, FilterSpec } from '../behaviour.js';
import {
  answered,
  CALL,
  filter,
  onRequest,
  onRequestBody,
  onResponse,
  onResponseBody,
  UPSTREAMS,
  type Callbacks,
} from './filters.js';
import { PAUSE } from './numbers.js';
import { DROPS_TRAILERS } from './skips.js';

const STOP_ALL_BUFFER = 3;
const STOP_ALL_WATERMARK = 4;
const WATERMARK = 2;
const BIG = 'x'.repeat(200_000);
/** Larger than what the sockets between client and app take in. */
const HUGE = 'x'.repeat(4_000_000);
const OK = { body: 'ok' };
const limits = { bufferedBodyBytes: 1000 };
const upstreams = UPSTREAMS;
const limited = (spec: FilterSpec): FilterSpec => ({ ...spec, limits });
const holdsForCall = (callbacks: Callbacks, stream: number): FilterSpec =>
  filter({ ...callbacks, ...answered({ continueStream: stream }) }, { upstreams, limits });

/** How much of a body a filter may hold, and what becomes of more. */
export const bodyLimits: readonly Behaviour[] = [
  {
    name: 'a request’s body over the limit is answered with 413',
    filters: [limited(onRequestBody({ return: PAUSE }))],
    request: [{ body: BIG }, {}],
    app: { echo: true },
    expect: {
      reply: [{ status: 413, body: 'Payload Too Large' }, { status: 200 }],
    },
  },
  {
    name: 'so is one whose head is held by StopAllIterationAndBuffer',
    filters: [
      limited(
        filter({
          proxy_on_request_headers: [{ beforeEnd: [{ return: STOP_ALL_BUFFER }] }],
          proxy_on_request_body: [{ logSizeAndEnd: true }],
        }),
      ),
    ],
    request: [{ body: BIG }, {}],
    app: OK,
    expect: { reply: [{ status: 413 }, { body: 'ok' }], logs: [] },
  },
  {
    name: 'and so by a filter that does not look at bodies',
    filters: [limited(onRequest({ beforeEnd: [{ return: STOP_ALL_BUFFER }] }))],
    request: [{ body: BIG }, {}],
    app: OK,
    expect: { reply: [{ status: 413 }, { body: 'ok' }], seen: [{}] },
  },
  {
    name: 'below the limit such a filter holds the body, and the app gets head and body as they were',
    filters: [holdsForCall({ proxy_on_request_headers: [CALL, { return: STOP_ALL_BUFFER }] }, 0)],
    request: [{ body: 'small' }, { pieces: ['in ', 'packets'] }, {}],
    app: { echo: true },
    expect: {
      reply: [{ body: 'small' }, { body: 'in packets' }, { body: '' }],
      seen: [
        { headers: { 'content-length': '5' } },
        { headers: { 'content-length': '10', 'transfer-encoding': undefined } },
        {},
      ],
    },
  },
  {
    name: 'a chunked one with its trailers',
    filters: [holdsForCall({ proxy_on_request_headers: [CALL, { return: STOP_ALL_BUFFER }] }, 0)],
    request: { body: ['in ', 'chunks'], trailers: { 'x-sum': '1' } },
    app: { echo: true },
    expect: { reply: { body: 'in chunks' }, seen: [{ trailers: { 'x-sum': '1' } }] },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'the details of that answer are request_payload_too_large',
    filters: [
      filter({ proxy_on_log: [{ logProperty: ['response', 'code_details'] }] }),
      limited(onRequestBody({ return: PAUSE })),
    ],
    request: { body: BIG },
    app: { echo: true },
    expect: { reply: { status: 413 }, logs: ['request_payload_too_large'] },
  },
  {
    name: 'StopAllIterationAndWatermark on a request’s head only makes the client wait',
    filters: [
      holdsForCall({ proxy_on_request_headers: [CALL, { return: STOP_ALL_WATERMARK }] }, 0),
    ],
    request: [{ body: HUGE }, {}],
    app: { echo: true },
    expect: { reply: [{ bodyLength: HUGE.length }, { status: 200 }] },
  },
  {
    name: 'so does StopIterationAndWatermark on its body',
    filters: [
      holdsForCall(
        {
          proxy_on_request_body: [{ once: [CALL, { return: WATERMARK }] }],
        },
        0,
      ),
    ],
    request: { body: HUGE },
    app: { echo: true },
    expect: { reply: { bodyLength: HUGE.length } },
  },
  {
    name: 'a response’s body over the limit is answered with 500',
    filters: [limited(onResponseBody({ return: PAUSE }))],
    request: [{}, {}],
    app: { body: BIG },
    expect: { reply: [{ status: 500, body: 'Internal Server Error' }, { status: 500 }] },
  },
  {
    name: 'so is one whose response head is held by StopAllIterationAndBuffer',
    filters: [
      limited(
        filter({
          proxy_on_response_headers: [{ return: STOP_ALL_BUFFER }],
          proxy_on_response_body: [],
        }),
      ),
    ],
    request: [{}, {}],
    app: { body: BIG },
    expect: { reply: [{ status: 500 }, { status: 500 }] },
  },
  {
    name: 'and so by a filter that does not look at bodies, whatever the app writes',
    filters: [limited(onResponse({ return: STOP_ALL_BUFFER }))],
    request: [{}, {}],
    app: (_req, res) => {
      for (let left = 20; left > 0; left -= 1) res.write('x'.repeat(10_000));
      res.end();
    },
    expect: {
      reply: [
        { status: 500, body: 'Internal Server Error' },
        { status: 500, body: 'Internal Server Error' },
      ],
    },
  },
  {
    name: 'below the limit such a filter holds the response, and the client gets it as it was',
    filters: [holdsForCall({ proxy_on_response_headers: [CALL, { return: STOP_ALL_BUFFER }] }, 1)],
    request: [{}, { method: 'HEAD' }],
    app: { headers: { 'content-length': '6', 'x-a': '1' }, body: ['one', 'two'] },
    expect: {
      reply: [
        { body: 'onetwo', headers: { 'content-length': '6', 'x-a': '1' } },
        { body: '', headers: { 'content-length': '6' } },
      ],
    },
  },
  {
    name: 'its trailers too',
    filters: [holdsForCall({ proxy_on_response_headers: [CALL, { return: STOP_ALL_BUFFER }] }, 1)],
    request: [{}, {}],
    app: (_req, res) => {
      res.setHeader('trailer', 'x-sum');
      res.write('hello');
      res.addTrailers({ 'x-sum': '1' });
      res.end();
    },
    expect: {
      reply: [
        { body: 'hello', trailers: { 'x-sum': '1' } },
        { body: 'hello', trailers: { 'x-sum': '1' } },
      ],
    },
    skip: DROPS_TRAILERS,
  },
  {
    name: 'the details of that answer are response_payload_too_large',
    filters: [
      filter({ proxy_on_log: [{ logProperty: ['response', 'code_details'] }] }),
      limited(onResponseBody({ return: PAUSE })),
    ],
    request: {},
    app: { body: BIG },
    expect: { reply: { status: 500 }, logs: ['response_payload_too_large'] },
  },
  {
    name: 'a response over the limit whose head is out is broken off',
    filters: [limited(onResponseBody({ once: [{ return: 0 }] }, { return: PAUSE }))],
    request: {},
    app: async (_req, res, client) => {
      res.write('begun');
      await client.received('begun');
      res.end(BIG);
    },
    expect: { reply: [], broken: true },
  },
  {
    name: 'StopAllIterationAndWatermark on a response’s head only makes the app wait',
    filters: [
      holdsForCall({ proxy_on_response_headers: [CALL, { return: STOP_ALL_WATERMARK }] }, 1),
    ],
    request: [{}, {}],
    app: async (_req, res) => {
      for (let left = 40; left > 0; left -= 1) {
        if (!res.write('x'.repeat(100_000))) await once(res, 'drain');
      }
      res.end();
    },
    expect: { reply: [{ bodyLength: HUGE.length }, { bodyLength: HUGE.length }] },
  },
  {
    name: 'so does StopIterationAndWatermark on a response’s body',
    filters: [
      holdsForCall({ proxy_on_response_body: [{ once: [CALL, { return: WATERMARK }] }] }, 1),
    ],
    request: {},
    app: async (_req, res) => {
      for (let left = 40; left > 0; left -= 1) {
        if (!res.write('x'.repeat(100_000))) await once(res, 'drain');
      }
      res.end();
    },
    expect: { reply: { bodyLength: HUGE.length } },
  },
  {
    name: 'a response that a filter has wait says so to what is piped into it',
    filters: [
      holdsForCall({ proxy_on_response_body: [{ once: [CALL, { return: WATERMARK }] }] }, 1),
    ],
    request: {},
    app: async (_req, res) => {
      // HTTP/2's responses have no such property before Node 24.
      const needsDrain = (): boolean | undefined => res.writableNeedDrain;
      let isTrue = true;
      for (let left = 40; left > 0; left -= 1) {
        if (res.write('x'.repeat(100_000))) continue;
        isTrue &&= needsDrain() !== false;
        await once(res, 'drain');
      }
      res.end(isTrue ? 'so it is' : 'it lies');
    },
    expect: { reply: { bodyLength: HUGE.length + 'so it is'.length } },
  },
];
