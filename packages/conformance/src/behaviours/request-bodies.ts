import type { Behaviour, FilterSpec } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import type { CallbackName } from '../guests/wat-guest.js';
import { ALL, PAUSE, REQUEST_BODY, REQUEST_HEADERS } from './numbers.js';
import { CLOSES_CHUNKED } from './skips.js';

type Callbacks = Partial<Record<CallbackName, readonly Operation[]>>;
const filter = (callbacks: Callbacks): FilterSpec => ({ script: { callbacks } });
const onBody = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_request_body: operations });

const APPEND: Operation = { setBuffer: [REQUEST_BODY, ALL, 0, '!'] };
const REPLACE: Operation = { setBuffer: [REQUEST_BODY, 0, ALL, 'something longer'] };
const HOLD_ALL: readonly Operation[] = [{ beforeEnd: [{ return: PAUSE }] }];
const BIG = 'x'.repeat(200_000);
const DENY: Operation = { localResponse: { status: 403, body: 'denied' } };

/** Bodies from the client to the app. */
export const requestBodies: readonly Behaviour[] = [
  {
    name: 'a body with a length comes in one callback, with its end',
    filters: [onBody({ logSizeAndEnd: true }, { logBuffer: [REQUEST_BODY] })],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'hello' }, logs: ['5 1', 'hello'] },
  },
  {
    name: 'a chunked body comes chunk by chunk, then its end',
    filters: [onBody({ logSizeAndEnd: true })],
    request: { body: ['one', 'three'] },
    app: { echo: true },
    expect: { reply: { body: 'onethree' }, logs: ['3 0', '5 0', '0 1'] },
  },
  {
    name: 'a body in several packets keeps its length for the app',
    filters: [onBody({ logSizeAndEnd: true })],
    request: { pieces: ['one', 'three'] },
    app: { echo: true },
    expect: {
      reply: { body: 'onethree' },
      logs: ['3 0', '5 1'],
      seen: [{ headers: { 'content-length': '8', 'transfer-encoding': undefined } }],
    },
  },
  {
    name: 'a body that a filter makes longer has its new length for the app',
    filters: [onBody({ atEnd: [APPEND] })],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'hello!' }, seen: [{ headers: { 'content-length': '6' } }] },
  },
  {
    name: 'a body that a filter empties has length 0',
    filters: [onBody({ setBuffer: [REQUEST_BODY, 0, ALL, ''] })],
    request: [{ body: 'hello' }, { body: 'again' }],
    app: { echo: true },
    expect: {
      reply: [{ body: '' }, { body: '' }],
      seen: [{ headers: { 'content-length': '0' } }, {}],
    },
  },
  {
    name: 'a held body is whole when the filter looks at it, and the app gets what it made of it',
    filters: [onBody(...HOLD_ALL, { logBuffer: [REQUEST_BODY] }, REPLACE)],
    request: { pieces: ['one', 'two', 'three'] },
    app: { echo: true },
    expect: {
      reply: { body: 'something longer' },
      logs: ['onetwothree'],
      seen: [{ headers: { 'content-length': '16' } }],
    },
  },
  {
    name: 'a held chunked body stays chunked for the app',
    filters: [onBody(...HOLD_ALL, REPLACE)],
    request: { body: ['one', 'two'] },
    app: { echo: true },
    expect: {
      reply: { body: 'something longer' },
      seen: [{ headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } }],
    },
  },
  {
    name: 'a long body is shown as chunked, since its length may change',
    filters: [onBody({ atEnd: [APPEND] })],
    request: { body: BIG },
    app: { echo: true },
    expect: {
      reply: { bodyLength: BIG.length + 1 },
      seen: [{ headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } }],
    },
  },
  {
    name: 'a length that a filter removes leaves a body that parsers find',
    filters: [
      filter({
        proxy_on_request_headers: [{ remove: [REQUEST_HEADERS, 'content-length'] }],
        proxy_on_request_body: [APPEND],
      }),
    ],
    request: { body: 'hello' },
    app: { echo: true },
    expect: {
      reply: { body: 'hello!' },
      seen: [{ headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } }],
    },
  },
  {
    name: 'so does one removed by a filter that does not look at bodies',
    filters: [
      filter({ proxy_on_request_headers: [{ remove: [REQUEST_HEADERS, 'content-length'] }] }),
    ],
    request: { body: 'hello' },
    app: { echo: true },
    expect: {
      reply: { body: 'hello' },
      seen: [{ headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' } }],
    },
  },
  {
    name: 'a wrong length is set right',
    filters: [
      filter({
        proxy_on_request_headers: [{ replace: [REQUEST_HEADERS, 'content-length', '99'] }],
      }),
    ],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'hello' }, seen: [{ headers: { 'content-length': '5' } }] },
  },
  {
    name: 'a head held until the whole body has come goes to the app with it',
    filters: [
      {
        ...filter({
          proxy_on_request_headers: [{ beforeEnd: [{ return: PAUSE }] }],
          proxy_on_request_body: [...HOLD_ALL, { logSizeAndEnd: true }],
        }),
        allowOnHeadersStopIteration: true,
      },
    ],
    request: { pieces: ['one', 'two'] },
    app: { echo: true },
    expect: {
      reply: { body: 'onetwo' },
      logs: ['6 1'],
      seen: [{ headers: { 'content-length': '6' } }],
    },
  },
  {
    name: 'two filters see the body one after the other',
    filters: [onBody({ atEnd: [APPEND] }), onBody({ logBuffer: [REQUEST_BODY] })],
    request: { body: 'hello' },
    app: { echo: true },
    expect: { reply: { body: 'hello!' }, logs: ['hello!'] },
  },
  {
    name: 'a refusal when the body is whole: the app gets nothing, the connection lives',
    filters: [onBody(...HOLD_ALL, DENY)],
    request: [{ pieces: ['one', 'two'] }, {}],
    app: { echo: true },
    expect: {
      reply: [{ status: 403, body: 'denied' }, { status: 200 }],
      seen: [{ method: 'GET' }],
    },
  },
  {
    name: 'a refusal while the app waits for the body: what it does then changes nothing',
    filters: [onBody(...HOLD_ALL, DENY)],
    request: [{ body: ['one', 'two'] }, {}],
    app: (req, res) => {
      if (req.method === 'GET') {
        res.end('ok');
        return;
      }
      const chunks: Buffer[] = [];
      req.on('data', (chunk: Buffer) => chunks.push(chunk));
      req.on('close', () => {
        setTimeout(() => {
          res.statusCode = 201;
          res.setHeader('x-late', '1');
          res.write('late');
          res.end('late');
        }, 5);
      });
    },
    expect: {
      reply: [{ status: 403, body: 'denied', headers: { 'x-late': undefined } }, { body: 'ok' }],
    },
  },
  {
    name: 'a refusal of the head drops the body, and the connection lives',
    filters: [
      filter({
        proxy_on_request_headers: [{ beforeEnd: [DENY] }],
        proxy_on_request_body: [{ log: 'never' }],
      }),
    ],
    request: [{ pieces: ['one', 'two'] }, { body: BIG }, {}],
    app: { body: 'ok' },
    expect: {
      reply: [{ status: 403 }, { status: 403 }, { body: 'ok' }],
      logs: [],
      seen: [{ method: 'GET' }],
    },
  },
  {
    name: 'an app that answers without reading leaves the connection usable',
    filters: [onBody({ atEnd: [APPEND] })],
    request: [{ body: 'hello' }, { body: BIG }, { body: ['one', 'two'] }, {}],
    app: { body: 'ok' },
    expect: { reply: [{ body: 'ok' }, { body: 'ok' }, { body: 'ok' }, { body: 'ok' }] },
    skip: CLOSES_CHUNKED,
  },
  {
    name: 'an app that waits with reading gets everything',
    filters: [onBody({ atEnd: [APPEND] })],
    request: { body: BIG },
    app: async (req, res, view) => {
      await view.atRest();
      let length = 0;
      for await (const chunk of req) length += (chunk as Buffer).length;
      res.end(String(length));
    },
    expect: { reply: { body: String(BIG.length + 1) } },
  },
];
