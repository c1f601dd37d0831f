import type { Behaviour, FilterSpec } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import type { CallbackName } from '../guests/wat-guest.js';
import { ALL, PAUSE, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';
import { APPS_RESPONSE } from './skips.js';

type Callbacks = Partial<Record<CallbackName, readonly Operation[]>>;
const filter = (callbacks: Callbacks): FilterSpec => ({ script: { callbacks } });
const onHeaders = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_response_headers: operations });
const onBody = (...operations: Operation[]): FilterSpec =>
  filter({ proxy_on_response_body: operations });

const APPEND: Operation = { setBuffer: [RESPONSE_BODY, ALL, 0, '!'] };
const HOLD_ALL: readonly Operation[] = [{ beforeEnd: [{ return: PAUSE }] }];
const BIG = 'x'.repeat(200_000);

/** Heads and bodies from the app to the client. */
export const responses: readonly Behaviour[] = [
  {
    name: 'a filter sees the status and the headers, and edits them',
    filters: [
      onHeaders(
        { logHeader: [RESPONSE_HEADERS, ':status'] },
        { logHeader: [RESPONSE_HEADERS, 'x-a'] },
        { replace: [RESPONSE_HEADERS, 'x-a', 'new'] },
        { add: [RESPONSE_HEADERS, 'x-b', 'made'] },
        { remove: [RESPONSE_HEADERS, 'x-c'] },
      ),
    ],
    request: {},
    app: { status: 201, headers: { 'X-A': 'old', 'X-C': 'gone' }, body: 'ok' },
    expect: {
      reply: {
        status: 201,
        body: 'ok',
        headers: { 'x-a': 'new', 'x-b': 'made', 'x-c': undefined, 'content-length': '2' },
      },
      logs: ['201', 'old'],
    },
  },
  {
    name: 'a new status has its own reason phrase',
    filters: [onHeaders({ replace: [RESPONSE_HEADERS, ':status', '404'] })],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { status: 404, reason: 'Not Found', body: 'ok' } },
  },
  {
    name: 'several cookies stay several',
    filters: [onHeaders({ add: [RESPONSE_HEADERS, 'set-cookie', 'c=3'] })],
    request: {},
    app: { headers: { 'set-cookie': ['a=1', 'b=2'] }, body: 'ok' },
    expect: { reply: { headers: { 'set-cookie': ['a=1', 'b=2', 'c=3'] } } },
  },
  {
    name: 'the response runs through the chain backwards',
    filters: [onHeaders({ log: 'first' }), onHeaders({ log: 'second' })],
    laterFilters: [onHeaders({ log: 'third' })],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' }, logs: ['third', 'second', 'first'] },
  },
  {
    name: 'a response without a body ends with its headers',
    filters: [onHeaders({ atEnd: [{ log: 'end' }] }, { beforeEnd: [{ log: 'more' }] })],
    request: [{ path: '/none' }, { path: '/some' }, { method: 'HEAD', path: '/some' }],
    app: (req, res) => {
      if (req.url === '/none') res.end();
      else res.end('x');
    },
    expect: { reply: [], logs: ['end', 'more', 'end'] },
  },
  {
    name: 'a body in one go keeps its exact length when a filter changes it',
    filters: [onBody({ atEnd: [APPEND] })],
    request: {},
    app: { body: 'hello' },
    expect: { reply: { body: 'hello!', headers: { 'content-length': '6' } } },
  },
  {
    name: 'where the app did not say a length too',
    filters: [onBody({ atEnd: [APPEND] })],
    request: {},
    app: (_req, res) => {
      res.end('hello');
    },
    expect: { reply: { body: 'hello!', headers: { 'content-length': '6' } } },
  },
  {
    name: 'a declared length is kept over several writes',
    filters: [onBody({ atEnd: [APPEND] })],
    request: {},
    app: { headers: { 'content-length': '9' }, body: ['one', 'two', 'six'] },
    expect: { reply: { body: 'onetwosix!', headers: { 'content-length': '10' } } },
  },
  {
    name: 'a long one is not',
    filters: [onBody({ atEnd: [APPEND] })],
    request: {},
    app: { headers: { 'content-length': '400000' }, body: [BIG, BIG] },
    expect: {
      reply: {
        bodyLength: 400_001,
        headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' },
      },
    },
  },
  {
    name: 'a long one is, where no filter looks at the body',
    filters: [onHeaders({ add: [RESPONSE_HEADERS, 'x-b', '1'] })],
    request: {},
    app: { headers: { 'content-length': '400000' }, body: [BIG, BIG] },
    expect: { reply: { bodyLength: 400_000, headers: { 'content-length': '400000' } } },
  },
  {
    name: 'a length that a filter removes is gone',
    filters: [onHeaders({ remove: [RESPONSE_HEADERS, 'content-length'] })],
    request: [{}, {}],
    app: { body: 'hello' },
    expect: {
      reply: [
        {
          body: 'hello',
          headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' },
        },
        {},
      ],
    },
  },
  {
    name: 'a wrong length that a filter sets is set right',
    filters: [onHeaders({ replace: [RESPONSE_HEADERS, 'content-length', '99'] })],
    request: [{}, {}],
    app: { headers: { 'content-length': '5' }, body: 'hello' },
    expect: { reply: [{ body: 'hello', headers: { 'content-length': '5' } }, { body: 'hello' }] },
  },
  {
    name: 'a streamed body comes chunk by chunk',
    filters: [onBody({ logSizeAndEnd: true })],
    request: {},
    app: { body: ['one', 'three'] },
    expect: { reply: { body: 'onethree' }, logs: ['3 0', '5 0', '0 1'] },
  },
  {
    name: 'a held body is whole when the filter looks at it',
    filters: [
      onBody(
        ...HOLD_ALL,
        { logBuffer: [RESPONSE_BODY] },
        { setBuffer: [RESPONSE_BODY, 0, ALL, 'all'] },
      ),
    ],
    request: {},
    app: { body: ['one', 'two'] },
    expect: { reply: { body: 'all' }, logs: ['onetwo'] },
  },
  {
    name: 'two filters change the body one after the other, the last first',
    filters: [
      onBody({ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '1'] }] }),
      onBody({ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '2'] }] }),
    ],
    request: {},
    app: { body: 'x' },
    expect: { reply: { body: 'x21', headers: { 'content-length': '3' } } },
  },
  {
    name: 'HEAD, 204 and 304 have no body',
    filters: [
      filter({ proxy_on_response_headers: [], proxy_on_response_body: [{ atEnd: [APPEND] }] }),
    ],
    request: [{ method: 'HEAD' }, { path: '/204' }, { path: '/304' }, {}],
    app: (req, res) => {
      res.statusCode = Number(req.url?.slice(1)) || 200;
      res.end('hello');
    },
    expect: {
      reply: [
        { status: 200, body: '' },
        { status: 204, body: '', headers: { 'content-length': undefined } },
        { status: 304, body: '' },
        { status: 200, body: 'hello!' },
      ],
      // Node's own client leaves a connection after a HEAD without a length.
      oneConnection: false,
    },
  },
  {
    name: '204 made of 200 loses its body',
    filters: [onHeaders({ replace: [RESPONSE_HEADERS, ':status', '204'] })],
    request: [{}, {}],
    app: { body: 'hello' },
    expect: { reply: [{ status: 204, body: '', headers: { 'content-length': undefined } }, {}] },
  },
  {
    name: 'a head that waits for the body looks sent to the app',
    filters: [onBody({ atEnd: [{ setBuffer: [RESPONSE_BODY, 0, 0, 'x'] }] })],
    request: {},
    app: (_req, res) => {
      res.writeHead(200, { 'content-length': '60' });
      const seen: unknown[] = [res.headersSent];
      for (const late of [() => res.setHeader('x-late', '1'), () => res.writeHead(500)]) {
        try {
          late();
        } catch (error) {
          seen.push((error as NodeJS.ErrnoException).code);
        }
      }
      res.write('');
      res.write('[');
      seen.push(res.headersSent, res.writableEnded, res.writableFinished, res.writableLength);
      res.end(`${JSON.stringify(seen)}]`);
    },
    expect: {
      reply: {
        status: 200,
        body: /^\[x\[true,"ERR_HTTP2?_HEADERS_SENT","ERR_HTTP2?_HEADERS_SENT",true,false,false,\d+\]\]$/,
        headers: { 'x-late': undefined },
      },
    },
    skip: APPS_RESPONSE,
  },
  {
    name: 'an end that a filter holds looks ended to the app',
    filters: [onBody({ return: PAUSE })],
    request: {},
    app: (_req, res) => {
      res.end('hello');
      const seen = [res.headersSent, res.writableEnded, res.finished, res.writableFinished];
      res.on('error', () => undefined);
      res.write('more');
      if (seen.join() === 'true,true,true,false') res.destroy();
    },
    expect: { reply: [], broken: true },
    skip: APPS_RESPONSE,
  },
  {
    name: 'flushHeaders sends the head ahead, without a length that may change',
    filters: [onBody(APPEND)],
    request: {},
    app: (_req, res) => {
      res.setHeader('content-length', '5');
      res.flushHeaders();
      setTimeout(() => res.end('hello'), 20);
    },
    expect: {
      reply: {
        body: 'hello!',
        headers: { 'content-length': undefined, 'transfer-encoding': 'chunked' },
      },
    },
    skip: APPS_RESPONSE,
  },
  {
    name: 'write and end call back, and finish comes once',
    filters: [onBody(...HOLD_ALL)],
    request: {},
    app: (_req, res) => {
      const seen: string[] = [];
      res.on('finish', () => seen.push('finish'));
      res.write('a', () => {
        res.write('b', () => {
          res.end('c');
        });
      });
    },
    expect: { reply: { body: 'abc' } },
  },
  {
    name: 'a response for the filter alone to answer: local, with the app’s own put away',
    filters: [
      onHeaders({ localResponse: { status: 500, body: 'filtered', headers: [['x-why', 'rule']] } }),
    ],
    request: [{}, {}],
    app: { headers: { 'x-secret': '1' }, body: 'secret' },
    expect: {
      reply: [
        {
          status: 500,
          body: 'filtered',
          headers: { 'x-why': 'rule', 'x-secret': undefined, 'content-length': '8' },
        },
        { status: 500 },
      ],
    },
  },
];
