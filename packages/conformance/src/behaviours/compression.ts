import compression from 'compression';

import type { Behaviour, Middleware } from '../behaviour.js';
import { filter, HOLD } from './filters.js';
import { ALL, REQUEST_HEADERS, RESPONSE_BODY, RESPONSE_HEADERS } from './numbers.js';

const TEXT = 'compress me '.repeat(500);
const GZIP = { 'accept-encoding': 'gzip' };
const compresses = compression({ threshold: 0 }) as unknown as Middleware;
const APPENDS = filter({
  proxy_on_response_headers: [{ logHeader: [RESPONSE_HEADERS, 'content-encoding'] }],
  proxy_on_response_body: [{ atEnd: [{ setBuffer: [RESPONSE_BODY, ALL, 0, '!'] }] }],
});
const app: Behaviour['app'] = (_req, res) => {
  res.setHeader('content-type', 'text/plain');
  res.setHeader('content-length', TEXT.length);
  res.end(TEXT);
};
const compressedApp: Behaviour['app'] = (req, res, client) => {
  compresses(req, res, () => void app(req, res, client));
};

/** A library that compresses, at either side of a filter. */
export const compressions: readonly Behaviour[] = [
  {
    name: 'in front of a filter, compresses what the filter has made',
    before: [compresses],
    filters: [APPENDS],
    request: [{ headers: GZIP }, { headers: GZIP }, {}],
    app,
    expect: {
      reply: [
        { unzipped: `${TEXT}!`, headers: { 'content-encoding': 'gzip' } },
        { unzipped: `${TEXT}!` },
        { body: `${TEXT}!`, headers: { 'content-encoding': undefined } },
      ],
      logs: ['status 1', 'status 1', 'status 1'],
    },
  },
  {
    name: 'in front of a filter, compresses what the filter answers',
    before: [compresses],
    filters: [
      filter({
        proxy_on_request_headers: [
          { localResponse: { status: 403, body: TEXT, headers: [['content-type', 'text/plain']] } },
        ],
      }),
    ],
    request: [{ headers: GZIP }, { headers: GZIP }],
    app,
    expect: {
      reply: [
        { status: 403, unzipped: TEXT, headers: { 'content-encoding': 'gzip' } },
        { status: 403, unzipped: TEXT },
      ],
      seen: [],
    },
  },
  {
    name: 'behind a filter, gives it compressed bytes',
    filters: [
      filter({
        proxy_on_response_headers: [{ logHeader: [RESPONSE_HEADERS, 'content-encoding'] }],
        proxy_on_response_body: [],
      }),
    ],
    request: [{ headers: GZIP }, { headers: GZIP }],
    app: compressedApp,
    expect: {
      reply: [{ unzipped: TEXT, headers: { 'content-encoding': 'gzip' } }, { unzipped: TEXT }],
      logs: ['gzip', 'gzip'],
    },
  },
  {
    name: 'behind a filter that takes accept-encoding away, leaves it the plain text',
    filters: [
      filter({
        proxy_on_request_headers: [{ remove: [REQUEST_HEADERS, 'accept-encoding'] }],
        proxy_on_response_body: [...HOLD, { setBuffer: [RESPONSE_BODY, 0, 8, 'leave'] }],
      }),
    ],
    request: [{ headers: GZIP }, { headers: GZIP }],
    app: compressedApp,
    expect: {
      reply: [
        { body: TEXT.replace('compress', 'leave'), headers: { 'content-encoding': undefined } },
        { body: TEXT.replace('compress', 'leave') },
      ],
    },
  },
];
