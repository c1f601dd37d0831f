import type { Behaviour, FilterSpec } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import type { CallbackName } from '../guests/wat-guest.js';
import { PAUSE, REQUEST_HEADERS, RESPONSE_HEADERS } from './numbers.js';
import { noProxy } from './skips.js';

type Callbacks = Partial<Record<CallbackName, readonly Operation[]>>;
const filter = (callbacks: Callbacks): FilterSpec => ({ script: { callbacks } });
const DENY: Operation = {
  localResponse: { status: 403, body: 'denied', headers: [['x-why', 'rule']] },
};
const EVERY: readonly CallbackName[] = [
  'proxy_on_context_create',
  'proxy_on_request_headers',
  'proxy_on_request_body',
  'proxy_on_response_headers',
  'proxy_on_response_body',
  'proxy_on_log',
  'proxy_on_done',
  'proxy_on_delete',
];
const tellsAll = filter(
  Object.fromEntries(EVERY.map((name) => [name, [{ log: name.replace('proxy_on_', '') }]])),
);

/** Whole exchanges: who answers, what fails, how they end. */
export const exchanges: readonly Behaviour[] = [
  {
    name: 'every callback comes once, in order',
    filters: [tellsAll],
    request: { body: 'x' },
    app: { echo: true },
    expect: {
      reply: { body: 'x' },
      logs: EVERY.map((name) => name.replace('proxy_on_', '')),
    },
    skip: noProxy('the end of a body that is piped comes in a callback of its own'),
  },
  {
    name: 'a refusal of the request is all the client gets, and the app gets nothing',
    filters: [filter({ proxy_on_request_headers: [DENY, { return: PAUSE }] })],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: {
      reply: [
        {
          status: 403,
          reason: 'Forbidden',
          body: 'denied',
          headers: { 'x-why': 'rule', 'content-length': '6', 'content-type': 'text/plain' },
        },
        { status: 403 },
      ],
      seen: [],
    },
  },
  {
    name: 'a refusal passes the response callbacks',
    filters: [
      filter({ proxy_on_response_headers: [{ add: [RESPONSE_HEADERS, 'x-seen', '1'] }] }),
      filter({ proxy_on_request_headers: [DENY] }),
    ],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { status: 403, headers: { 'x-seen': '1' } } },
  },
  {
    name: 'a refusal keeps headers that stood on the response before the filter',
    before: [
      (_req, res, next) => {
        res.setHeader('x-before', '1');
        next();
      },
    ],
    filters: [filter({ proxy_on_request_headers: [DENY] })],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { status: 403, headers: { 'x-before': '1' } } },
  },
  {
    name: 'a refusal of HEAD has no body',
    filters: [filter({ proxy_on_request_headers: [DENY] })],
    request: [{ method: 'HEAD' }, { method: 'HEAD' }],
    app: { body: 'ok' },
    expect: { reply: [{ status: 403, body: '' }, { status: 403 }] },
  },
  {
    name: 'an empty refusal has length 0',
    filters: [filter({ proxy_on_request_headers: [{ localResponse: { status: 401 } }] })],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: {
      reply: [
        { status: 401, body: '', headers: { 'content-length': '0', 'content-type': undefined } },
        { status: 401 },
      ],
    },
  },
  {
    name: 'a trap answers 503 and nothing of it; the next request finds a plugin that backs off',
    filters: [filter({ proxy_on_request_headers: [{ trap: true }] })],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: {
      reply: [
        { status: 503, body: '' },
        { status: 503, body: '' },
      ],
      seen: [],
      errors: [/proxy_on_request_headers trapped/],
    },
  },
  {
    name: 'a trap of a plugin that fails open lets everything pass',
    filters: [
      { ...filter({ proxy_on_request_headers: [{ trap: true }] }), failurePolicy: 'fail-open' },
    ],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: { reply: [{ body: 'ok' }, { body: 'ok' }], errors: [/trapped/] },
  },
  {
    name: 'a trap on the response answers 503 for the app',
    filters: [filter({ proxy_on_response_headers: [{ trap: true }] })],
    request: {},
    app: { body: 'secret' },
    expect: { reply: { status: 503, body: '' }, errors: [/proxy_on_response_headers trapped/] },
  },
  {
    name: 'a plugin that can not start refuses requests',
    filters: [filter({ proxy_on_configure: [{ return: 0 }] })],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { status: 503, body: '' }, seen: [], errors: [/returned false/] },
  },
  {
    name: 'or lets them pass, if it fails open',
    filters: [{ ...filter({ proxy_on_configure: [{ return: 0 }] }), failurePolicy: 'fail-open' }],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' }, errors: [/returned false/] },
  },
  {
    name: 'the connection’s attributes are known',
    filters: [
      filter({
        proxy_on_request_headers: [
          { logProperty: ['source', 'address'] },
          { logProperty: ['destination', 'address'] },
          { logProperty: ['connection', 'tls_version'] },
          { logProperty: ['request', 'protocol'] },
          { logHeader: [REQUEST_HEADERS, 'nothing'] },
        ],
      }),
    ],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' } },
  },
  {
    name: 'interim answers are the client’s, and no filter sees them',
    filters: [
      filter({
        proxy_on_response_headers: [{ logHeader: [RESPONSE_HEADERS, ':status'] }],
        proxy_on_response_body: [],
      }),
    ],
    request: [{}, {}],
    app: (_req, res) => {
      res.writeEarlyHints({ link: '</style.css>; rel=preload' });
      if (res.req.httpVersion === '1.1') res.writeProcessing();
      res.end('ok');
    },
    expect: { reply: [{ body: 'ok' }, { body: 'ok' }], logs: ['200', '200'] },
  },
  {
    name: 'an answer in the place of a head that filters have seen passes none of them again',
    filters: [
      filter({ proxy_on_response_headers: [{ log: 'first' }, DENY] }),
      filter({ proxy_on_response_headers: [{ log: 'second' }] }),
    ],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: {
      reply: [{ status: 403 }, { status: 403 }],
      logs: ['second', 'first', 'second', 'first'],
    },
  },
  {
    name: 'an answer by a plugin’s own context, which is no stream’s, is Ok and comes to nothing',
    filters: [
      filter({
        proxy_on_configure: [{ setTickPeriod: 10 }],
        proxy_on_tick: [{ once: [DENY, { logStatus: true }] }],
        proxy_on_request_headers: [],
      }),
    ],
    request: {},
    app: async (_req, res, view) => {
      await view.logged('status 0');
      res.end('ok');
    },
    expect: { reply: { body: 'ok' }, logs: ['status 0'] },
  },
  {
    name: 'a response’s head can be held until its body is known, and then say what is in it',
    filters: [
      {
        ...filter({
          proxy_on_response_headers: [{ return: PAUSE }],
          proxy_on_response_body: [
            { beforeEnd: [{ return: PAUSE }] },
            { logSize: true },
            { add: [RESPONSE_HEADERS, 'x-whole', '1'] },
          ],
        }),
        allowOnHeadersStopIteration: true,
      },
    ],
    request: [{}, {}],
    app: { body: ['one', 'two'] },
    expect: {
      reply: [{ body: 'onetwo', headers: { 'x-whole': '1' } }, { body: 'onetwo' }],
      logs: ['6', '6'],
    },
  },
];
