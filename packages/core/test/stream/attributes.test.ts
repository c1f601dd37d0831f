import { describe, expect, it } from 'vitest';

import { exchangeAttribute, type ExchangeFacts } from '../../src/stream/attributes.js';
import { HeaderList } from '../../src/stream/header-list.js';

const NOTHING: ExchangeFacts = {
  requestHeaders: undefined,
  responseHeaders: undefined,
  responseTrailers: undefined,
  protocol: undefined,
  startTimeNs: undefined,
  durationNs: undefined,
  backendLatencyNs: undefined,
  requestBodyBytes: 0,
  responseBodyBytes: 0,
  responseCodeDetails: undefined,
  responseFlags: undefined,
};

const REQUEST = [
  ...[':method', 'POST', ':path', '/a/b?c=d?e#f', ':scheme', 'https', ':authority', 'host:8080'],
  ...['user-agent', 'curl', 'referer', 'http://r/', 'x-request-id', 'id-1'],
  ...['x-a', '1', 'x-a', '2', 'x-bytes', '\u00e9', '__proto__', 'p'],
];

const FULL: ExchangeFacts = {
  requestHeaders: new HeaderList(REQUEST),
  responseHeaders: new HeaderList([':status', '404', 'content-type', 'text/plain']),
  responseTrailers: new HeaderList(['x-t', 'v']),
  protocol: 'HTTP/1.1',
  startTimeNs: 5n,
  durationNs: 6n,
  backendLatencyNs: 7n,
  requestBodyBytes: 10,
  responseBodyBytes: 20,
  responseCodeDetails: 'via_upstream',
  responseFlags: 0,
};

const REQUEST_BYTES = REQUEST.join('').length;
const RESPONSE_BYTES = ':status404content-typetext/plain'.length;

const of = (facts: ExchangeFacts, path: string) => exchangeAttribute(facts, path.split('/'));

it.each([
  ['request/path', '/a/b?c=d?e#f'],
  ['request/url_path', '/a/b'],
  ['request/query', 'c=d?e'],
  ['request/host', 'host:8080'],
  ['request/scheme', 'https'],
  ['request/method', 'POST'],
  ['request/referer', 'http://r/'],
  ['request/useragent', 'curl'],
  ['request/id', 'id-1'],
  ['request/headers/x-a', '1,2'],
  ['request/headers/X-A', '1,2'],
  ['request/headers/x-bytes', Buffer.of(0xe9)],
  ['request/headers_bytes', REQUEST_BYTES],
  ['request/time', 5n],
  ['request/duration', 6n],
  ['request/protocol', 'HTTP/1.1'],
  ['request/size', 10],
  ['request/total_size', 10 + REQUEST_BYTES],
  ['response/code', 404],
  ['response/code_details', 'via_upstream'],
  ['response/flags', 0],
  ['response/grpc_status', 12],
  ['response/headers', { ':status': '404', 'content-type': 'text/plain' }],
  ['response/headers/content-type', 'text/plain'],
  ['response/trailers', { 'x-t': 'v' }],
  ['response/trailers/x-t', 'v'],
  ['response/headers_bytes', RESPONSE_BYTES],
  ['response/size', 20],
  ['response/total_size', 20 + RESPONSE_BYTES + 'x-tv'.length],
  ['response/backend_latency', 7n],
])('%s', (path, value) => {
  expect(of(FULL, path)).toEqual(value);
});

it('the map of request headers has every name once, values joined', () => {
  const headers = of(FULL, 'request/headers') as Record<string, unknown>;
  expect(Object.entries(headers)).toEqual([
    ...[
      [':method', 'POST'],
      [':path', '/a/b?c=d?e#f'],
      [':scheme', 'https'],
      [':authority', 'host:8080'],
    ],
    ...[
      ['user-agent', 'curl'],
      ['referer', 'http://r/'],
      ['x-request-id', 'id-1'],
    ],
    ...[
      ['x-a', '1,2'],
      ['x-bytes', Buffer.of(0xe9)],
      ['__proto__', 'p'],
    ],
  ]);
});

describe('what is not known is absent', () => {
  it.each([
    ['request'],
    ['request/unknown'],
    ['request/path/x'],
    ['request/headers/x-absent'],
    ['request/headers/x-a/0'],
    ['connection/id'],
    ['constructor/name'],
    [''],
  ])('%s', (path) => {
    expect(of(FULL, path)).toBeUndefined();
  });

  it.each([
    ...[
      'path',
      'url_path',
      'query',
      'host',
      'headers',
      'headers/x',
      'time',
      'duration',
      'protocol',
    ],
    ...['id', 'referer', 'useragent', 'scheme', 'method'],
  ])('request/%s of nothing', (name) => {
    expect(of(NOTHING, `request/${name}`)).toBeUndefined();
  });

  it.each([
    ...['code', 'code_details', 'flags', 'grpc_status', 'headers', 'headers/x', 'trailers'],
    ...['trailers/x', 'backend_latency'],
  ])('response/%s of nothing', (name) => {
    expect(of(NOTHING, `response/${name}`)).toBeUndefined();
  });

  it('sizes of nothing are 0', () => {
    for (const name of ['headers_bytes', 'size', 'total_size']) {
      expect(of(NOTHING, `request/${name}`)).toBe(0);
      expect(of(NOTHING, `response/${name}`)).toBe(0);
    }
  });
});

it.each([
  ['/a', '/a', ''],
  ['/a?', '/a', ''],
  ['/a?b', '/a', 'b'],
  ['*', '*', ''],
  ['', '', ''],
])('path %j is %j with the query %j', (path, urlPath, query) => {
  const facts = { ...NOTHING, requestHeaders: new HeaderList([':path', path]) };
  expect(of(facts, 'request/url_path')).toBe(urlPath);
  expect(of(facts, 'request/query')).toBe(query);
});

it.each([
  ['12', 12],
  ['0', 0],
  ['', undefined],
  ['-1', undefined],
  ['12x', undefined],
])('a content-length of %j is a size of %s', (length, size) => {
  const requestHeaders = new HeaderList(['content-length', length]);
  expect(of({ ...FULL, requestHeaders }, 'request/size')).toBe(size);
});

it.each([
  [['grpc-status', '5'], ['grpc-status', '7'], '200', 5],
  [[], ['grpc-status', '7'], '200', 7],
  [['grpc-status', ''], ['grpc-status', '0'], '200', 0],
  [['grpc-status', '17'], [], '200', -1],
  [['grpc-status', 'x'], [], '200', -1],
  [[], [], '200', 2],
  [[], [], '503', 14],
  [[], [], '400', 13],
])(
  'gRPC status of trailers %j, headers %j and status %s is %d',
  (trailers, headers, code, status) => {
    const facts = {
      ...NOTHING,
      responseHeaders: new HeaderList([':status', code, ...headers]),
      responseTrailers: new HeaderList([...trailers]),
    };
    expect(of(facts, 'response/grpc_status')).toBe(status);
  },
);
