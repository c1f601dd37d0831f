import type { Behaviour } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { answered, CALL, filter, onRequestBody, onResponse, UPSTREAMS } from './filters.js';
import { PAUSE, REQUEST_BODY, RESPONSE_BODY } from './numbers.js';
import { CLOSES_CHUNKED, noProxy } from './skips.js';

const WATERMARK = 2;
const NO_BUFFER = 3;
const OK = { body: 'ok' };
const upstreams = UPSTREAMS;
const goOn = (stream: number): Operation[] => [{ log: 'answered' }, { continueStream: stream }];

/** Bodies that a filter holds, and how they go on. */
export const pausingBodies: readonly Behaviour[] = [
  {
    name: 'a request’s body can be held for a call',
    filters: [
      filter(
        {
          proxy_on_request_body: [{ atEnd: [CALL, { log: 'held' }] }, { return: PAUSE }],
          ...answered(...goOn(0)),
        },
        { upstreams },
      ),
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwo' }, logs: ['held', 'answered'] },
  },
  {
    name: 'a response’s body can be held for a call',
    filters: [
      filter(
        {
          proxy_on_response_body: [{ atEnd: [CALL, { log: 'held' }] }, { return: PAUSE }],
          ...answered(...goOn(1)),
        },
        { upstreams },
      ),
    ],
    request: [{}, {}],
    app: { body: ['one', 'two'] },
    expect: { reply: [{ body: 'onetwo' }, {}], logs: ['held', 'answered', 'held', 'answered'] },
  },
  {
    name: 'a held request’s body can be changed when the call’s answer is there',
    filters: [
      filter(
        {
          proxy_on_request_body: [{ atEnd: [CALL] }, { return: PAUSE }],
          ...answered(
            { logBuffer: [REQUEST_BODY] },
            { setBuffer: [REQUEST_BODY, 0, 3, 'three, '] },
            { continueStream: 0 },
          ),
        },
        { upstreams },
      ),
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: {
      reply: { body: 'three, two' },
      logs: ['onetwo'],
      seen: [{ headers: { 'content-length': '10' } }],
    },
  },
  {
    name: 'a held response’s body can be changed when the call’s answer is there',
    filters: [
      filter(
        {
          proxy_on_response_body: [{ atEnd: [CALL] }, { return: PAUSE }],
          ...answered(
            { logBuffer: [RESPONSE_BODY] },
            { setBuffer: [RESPONSE_BODY, 0, 0, 'all: '] },
            { continueStream: 1 },
          ),
        },
        { upstreams },
      ),
    ],
    request: {},
    app: OK,
    expect: { reply: { body: 'all: ok', headers: { 'content-length': '7' } }, logs: ['ok'] },
  },
  {
    name: 'StopIterationAndWatermark shows each callback only its own piece, and keeps all',
    filters: [onRequestBody({ logBuffer: [REQUEST_BODY] }, { beforeEnd: [{ return: WATERMARK }] })],
    request: { pieces: ['one', 'two', 'six'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwosix' }, logs: ['one', 'two', 'six'] },
  },
  {
    name: 'StopIterationNoBuffer drops the pieces that it is told about, and the length is right',
    filters: [onRequestBody({ beforeEnd: [{ return: NO_BUFFER }] })],
    request: { pieces: ['one', 'two', 'three'] },
    app: { echo: true },
    expect: { reply: { body: 'three' }, seen: [{ headers: { 'content-length': '5' } }] },
  },
  {
    name: 'StopIterationAndWatermark on a response shows only its own piece, and keeps all',
    filters: [
      filter({
        proxy_on_response_body: [
          { beforeEnd: [{ logBuffer: [RESPONSE_BODY] }, { return: WATERMARK }] },
        ],
      }),
    ],
    request: {},
    app: { body: ['one', 'two'] },
    expect: { reply: { body: 'onetwo' }, logs: ['one', 'two'] },
  },
  {
    name: 'StopIterationNoBuffer on a response drops its pieces, and the length is right',
    filters: [filter({ proxy_on_response_body: [{ beforeEnd: [{ return: NO_BUFFER }] }] })],
    request: [{}, {}],
    app: { headers: { 'content-length': '6' }, body: ['one', 'two'] },
    expect: { reply: [{ body: '', headers: { 'content-length': '0' } }, { body: '' }] },
    skip: noProxy('the end of a body that is piped comes in a callback of its own'),
  },
  {
    name: 'StopIterationNoBuffer at the end drops all, and to resume ends the body',
    filters: [
      filter(
        {
          proxy_on_request_body: [{ atEnd: [CALL] }, { return: NO_BUFFER }],
          ...answered(...goOn(0)),
        },
        { upstreams },
      ),
    ],
    request: [{ body: ['one', 'two'] }, { pieces: ['one', 'two'] }],
    app: { echo: true },
    expect: { reply: [{ body: '' }, { body: '' }], logs: ['answered', 'answered'] },
    skip: CLOSES_CHUNKED,
  },
  {
    name: 'after Pause that ends, the body flows again piece by piece',
    filters: [
      onRequestBody(
        { logSizeAndEnd: true },
        {
          wat: '(if (i32.eq (local.get $size) (i32.const 3)) (then (if (i32.eqz (global.get $status)) (then (global.set $status (i32.const 99)) (return (i32.const 1))))))',
        },
      ),
    ],
    request: { body: ['one', 'two', 'six'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwosix' }, logs: ['3 0', '6 0', '3 0', '0 1'] },
  },
  {
    name: 'a filter behind one that holds the body gets it whole',
    filters: [
      onRequestBody({ beforeEnd: [{ return: PAUSE }] }),
      onRequestBody({ logSizeAndEnd: true }),
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: { reply: { body: 'onetwo' }, logs: ['6 1'] },
  },
  {
    name: 'the filter after one that holds a response sees nothing before it goes on',
    filters: [
      onResponse({ log: 'first' }),
      filter(
        {
          proxy_on_response_headers: [CALL, { log: 'held' }, { return: PAUSE }],
          ...answered(...goOn(1)),
        },
        { upstreams },
      ),
    ],
    request: {},
    app: OK,
    expect: { reply: { body: 'ok' }, logs: ['held', 'answered', 'first'] },
  },
];
