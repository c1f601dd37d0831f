import type { Behaviour } from '../behaviour.js';
import type { CallbackName } from '../guests/wat-guest.js';
import { answered, CALL, filter, onRequest, UPSTREAMS, type Callbacks } from './filters.js';
import { PAUSE, RESPONSE_HEADERS } from './numbers.js';
import { DROPS_TRAILERS } from './skips.js';

const upstreams = UPSTREAMS;
const TRAP = [{ trap: true }] as const;
const trapIn = (name: CallbackName): Callbacks => ({ [name]: TRAP });
const backsOff = { status: 503, body: '' };
/** Where a guest may trap. Before trailers the body is held, so that the head can still be replaced. */
const PLACES: readonly {
  where: string;
  callbacks: Callbacks;
  skip?: Record<string, string>;
  callback: string;
}[] = [
  {
    where: 'when its context is made',
    callbacks: { ...trapIn('proxy_on_context_create'), proxy_on_request_headers: [] },
    callback: 'proxy_on_context_create',
  },
  {
    where: 'on a request’s body',
    callbacks: trapIn('proxy_on_request_body'),
    callback: 'proxy_on_request_body',
  },
  {
    where: 'on a request’s trailers',
    callbacks: {
      proxy_on_request_body: [{ return: PAUSE }],
      ...trapIn('proxy_on_request_trailers'),
    },
    callback: 'proxy_on_request_trailers',
  },
  {
    where: 'on a response’s body',
    callbacks: trapIn('proxy_on_response_body'),
    callback: 'proxy_on_response_body',
  },
  {
    where: 'on a response’s trailers',
    callbacks: {
      proxy_on_response_body: [{ return: PAUSE }],
      ...trapIn('proxy_on_response_trailers'),
    },
    callback: 'proxy_on_response_trailers',
    skip: DROPS_TRAILERS,
  },
  {
    where: 'when a call’s answer comes, with the request held',
    callbacks: {
      proxy_on_request_headers: [CALL, { return: PAUSE }],
      ...answered({ trap: true }),
    },
    callback: 'proxy_on_http_call_response',
  },
];
/** The root's context is made with the same callback: it lets that one through. */
const onlyStreams = (callbacks: Callbacks): Callbacks =>
  callbacks.proxy_on_context_create === undefined
    ? callbacks
    : { ...callbacks, proxy_on_context_create: [{ inContext: [2, TRAP] }] };

const inPlace = (policy: 'fail-closed' | 'fail-open'): Behaviour[] =>
  PLACES.map(({ where, callbacks, callback, skip }) => ({
    name:
      policy === 'fail-open'
        ? `a plugin that fails open and traps ${where} lets the exchange pass`
        : `a plugin that traps ${where} answers 503, and so it does next`,
    filters: [filter(onlyStreams(callbacks), { upstreams, failurePolicy: policy })],
    request: [{ body: ['one'], trailers: { 'x-sum': '1' } }, {}],
    app: async (req, res) => {
      let length = 0;
      for await (const chunk of req) length += (chunk as Buffer).length;
      res.setHeader('trailer', 'x-sum');
      res.write(String(length));
      res.addTrailers({ 'x-sum': '1' });
      res.end();
    },
    expect: {
      reply: policy === 'fail-open' ? [{ body: '3' }, { body: '0' }] : [backsOff, { status: 503 }],
      errors: [new RegExp(`${callback} trapped`)],
      // A request that is answered before its end closes where the client is still sending.
      oneConnection: false,
    },
    ...(skip === undefined ? {} : { skip }),
  }));

/** What a filter that fails does to the exchange, to others, and to the requests after it. */
export const failures: readonly Behaviour[] = [
  ...inPlace('fail-closed'),
  ...inPlace('fail-open'),
  ...(['proxy_on_request_body', 'proxy_on_response_body'] as const).map((name): Behaviour => ({
    name: `a plugin that fails open and traps in ${name} on the last of a body lets it pass`,
    filters: [filter(trapIn(name), { failurePolicy: 'fail-open' })],
    request: [
      { method: 'POST', body: 'in one piece' },
      { method: 'POST', body: 'again' },
    ],
    app: async (req, res) => {
      let text = '';
      for await (const chunk of req) text += String(chunk);
      res.end(text);
    },
    expect: {
      reply: [{ body: 'in one piece' }, { body: 'again' }],
      errors: [new RegExp(`${name} trapped`)],
    },
  })),
  {
    name: 'nor does one that traps on a request’s trailers hold what has come',
    filters: [filter(trapIn('proxy_on_request_trailers'), { failurePolicy: 'fail-open' })],
    request: { body: ['one'], trailers: { 'x-sum': '1' } },
    app: async (req, res) => {
      let text = '';
      for await (const chunk of req) text += String(chunk);
      res.end(text);
    },
    expect: { reply: { body: 'one' }, errors: [/proxy_on_request_trailers trapped/] },
  },
  ...(['proxy_on_log', 'proxy_on_done', 'proxy_on_delete'] as const).map((name): Behaviour => ({
    name: `a plugin that traps in ${name} has not hurt that exchange, but fails the next`,
    filters: [filter({ ...trapIn(name), proxy_on_request_headers: [] })],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: {
      reply: [{ body: 'ok' }, { status: 503 }],
      seen: [{}],
      errors: [new RegExp(`${name} trapped`)],
    },
  })),
  {
    name: 'a trap of one plugin leaves the others in the chain alive',
    filters: [
      filter({
        proxy_on_response_headers: [
          { add: [RESPONSE_HEADERS, 'x-alive', '1'] },
          { logHeader: [RESPONSE_HEADERS, ':status'] },
        ],
      }),
      onRequest({ trap: true }),
    ],
    request: [{}, {}],
    app: { body: 'ok' },
    expect: {
      reply: [
        { status: 503, headers: { 'x-alive': '1' } },
        { status: 503, headers: { 'x-alive': '1' } },
      ],
      logs: ['503', '503'],
      errors: [/trapped/],
    },
  },
  {
    name: 'a trap of a plugin that fails open leaves what the others do',
    filters: [
      onRequest({ log: 'first' }),
      filter({ proxy_on_request_headers: TRAP }, { failurePolicy: 'fail-open' }),
      onRequest({ log: 'third' }),
    ],
    request: {},
    app: { body: 'ok' },
    expect: { reply: { body: 'ok' }, logs: ['first', 'third'], errors: [/trapped/] },
  },
  {
    name: 'a gRPC request of a plugin that traps is told Unavailable',
    filters: [onRequest({ trap: true })],
    request: { headers: { 'content-type': 'application/grpc' }, body: 'x' },
    app: { body: 'ok' },
    expect: {
      reply: { status: 200, headers: { 'grpc-status': '14' } },
      seen: [],
      errors: [/trapped/],
    },
  },
  {
    name: 'a trap when part of the response is out ends the connection',
    filters: [filter({ proxy_on_response_body: [{ atEnd: TRAP }] })],
    request: {},
    app: async (_req, res, client) => {
      res.write('begun');
      await client.received('begun');
      res.end('more');
    },
    expect: { reply: [], broken: true, errors: [/trapped/] },
  },
  {
    name: 'the details of a trap’s answer are wasm_fail_stream',
    filters: [
      filter({ proxy_on_log: [{ logProperty: ['response', 'code_details'] }] }),
      onRequest({ trap: true }),
    ],
    request: {},
    app: {},
    expect: { reply: { status: 503 }, logs: ['wasm_fail_stream'], errors: [/trapped/] },
  },
];
