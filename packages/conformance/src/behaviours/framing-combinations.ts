import { gzipSync } from 'node:zlib';

import type { Behaviour, ExpectedReply, FilterSpec, RowHandler } from '../behaviour.js';
import type { Operation } from '../guests/operations.js';
import { answered, CALL, filter, HOLD, UPSTREAMS, type Callbacks } from './filters.js';
import { ALL, PAUSE, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';

const upstreams = UPSTREAMS;
const TEXT = 'hello';
const LONG = 'x'.repeat(100_000);
const ZIPPED = gzipSync(TEXT);
const APPEND: Operation = { setBuffer: [RESPONSE_BODY, ALL, 0, '!'] };

/** Every way in which an app frames what it answers, by path. */
const app: RowHandler = (req, res) => {
  const { url = '/' } = req;
  res.setHeader('x-path', url);
  if (url === '/one-go') res.end(TEXT);
  else if (url === '/length') {
    res.setHeader('content-length', 5);
    res.end(TEXT);
  } else if (url === '/pieces') {
    res.setHeader('content-length', 5);
    res.write('hel');
    res.end('lo');
  } else if (url === '/chunks') {
    res.write('hel');
    res.write('lo');
    res.end();
  } else if (url === '/long') {
    res.setHeader('content-length', 100_000);
    res.write(LONG.slice(0, 50_000));
    res.end(LONG.slice(50_000));
  } else if (url === '/head') {
    res.setHeader('content-length', 5);
    res.end();
  } else if (url === '/204') res.writeHead(204).end();
  else if (url === '/304') res.writeHead(304, { etag: '"1"' }).end();
  else if (url === '/range') {
    res.writeHead(206, { 'content-range': 'bytes 1-3/5', 'content-length': 3 }).end('ell');
  } else if (url === '/zipped') {
    res.writeHead(200, { 'content-encoding': 'gzip', 'content-length': ZIPPED.length });
    res.end(ZIPPED);
  } else res.end();
};

const PATHS = [
  '/one-go',
  '/length',
  '/pieces',
  '/chunks',
  '/long',
  '/range',
  '/zipped',
  '/nothing',
];

/** What filters do to a response, and what comes of a body of the app's. */
const DEEDS: readonly {
  name: string;
  callbacks: Callbacks;
  changes: (body: string) => string;
  /** The declared length is kept as it was, also where it is long. */
  keepsLong?: boolean;
}[] = [
  {
    name: 'edits the head only',
    callbacks: { proxy_on_response_headers: [{ add: [RESPONSE_HEADERS, 'x-a', '1'] }] },
    changes: (body) => body,
    keepsLong: true,
  },
  {
    name: 'takes the length away',
    callbacks: { proxy_on_response_headers: [{ remove: [RESPONSE_HEADERS, 'content-length'] }] },
    changes: (body) => body,
  },
  {
    name: 'looks at the body',
    callbacks: { proxy_on_response_body: [] },
    changes: (body) => body,
  },
  {
    name: 'makes the body longer',
    callbacks: { proxy_on_response_body: [{ atEnd: [APPEND] }] },
    changes: (body) => `${body}!`,
  },
  {
    name: 'makes the body shorter',
    callbacks: { proxy_on_response_body: [{ setBuffer: [RESPONSE_BODY, 0, ALL, ''] }] },
    changes: () => '',
  },
  {
    name: 'holds the body and replaces it',
    callbacks: {
      proxy_on_response_body: [...HOLD, { setBuffer: [RESPONSE_BODY, 0, ALL, 'something else'] }],
    },
    changes: () => 'something else',
  },
  {
    name: 'holds the head for a call',
    callbacks: {
      proxy_on_response_headers: [CALL, { return: PAUSE }],
      ...answered({ continueStream: 1 }),
    },
    changes: (body) => body,
    keepsLong: true,
  },
  {
    name: 'holds the head for a call and then makes the body longer',
    callbacks: {
      proxy_on_response_headers: [CALL, { return: PAUSE }],
      proxy_on_response_body: [{ atEnd: [APPEND] }],
      ...answered({ continueStream: 1 }),
    },
    changes: (body) => `${body}!`,
  },
  {
    name: 'holds the body for a call',
    callbacks: {
      proxy_on_response_body: [{ atEnd: [CALL] }, { return: PAUSE }],
      ...answered({ continueStream: 1 }),
    },
    changes: (body) => body,
  },
];

const BODIES: Record<string, string> = {
  '/long': LONG,
  '/range': 'ell',
  '/zipped': ZIPPED.toString('latin1'),
};

function expected(path: string, { changes, keepsLong }: (typeof DEEDS)[number]): ExpectedReply {
  const headers = { 'x-path': path };
  // No body, so no callback for one.
  if (path === '/nothing') return { body: '', headers };
  const body = changes(BODIES[path] ?? TEXT);
  const status = path === '/range' ? 206 : 200;
  if (path === '/long' && keepsLong === true) {
    return { status, body, headers: { ...headers, 'content-length': String(LONG.length) } };
  }
  return { status, body, headers };
}

const chain = (callbacks: Callbacks): FilterSpec[] => [filter(callbacks, { upstreams })];

/**
 * All the ways in which apps frame a response, under all that filters do to one. Each reply has a
 * true length or none, as the runner checks, and the connection carries the next.
 */
export const framingCombinations: readonly Behaviour[] = [
  ...DEEDS.map((deed): Behaviour => ({
    name: `a filter that ${deed.name} leaves every framing of an app's whole`,
    filters: chain(deed.callbacks),
    request: PATHS.map((path) => ({ path })),
    app,
    expect: { reply: PATHS.map((path) => expected(path, deed)) },
  })),
  ...DEEDS.map(({ name, callbacks }): Behaviour => ({
    name: `HEAD, 204 and 304 stay without a body where a filter ${name}`,
    filters: chain(callbacks),
    request: [
      { path: '/204' },
      { path: '/304' },
      { method: 'HEAD', path: '/head' },
      { method: 'HEAD', path: '/length' },
      { path: '/nothing' },
    ],
    app,
    expect: {
      reply: [
        { status: 204, body: '', headers: { 'content-length': undefined } },
        { status: 304, body: '', headers: { etag: '"1"' } },
        { status: 200, body: '' },
        { status: 200, body: '' },
        { status: 200, body: '' },
      ],
      // Node's own client leaves a connection after a HEAD without a length.
      oneConnection: false,
    },
  })),
];
