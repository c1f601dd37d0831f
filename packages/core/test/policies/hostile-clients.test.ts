/**
 * Requests that no honest client sends, byte by byte: what the app and the client see is the same with
 * a filter in front as without one, or the request is refused.
 */
import { createServer, type IncomingMessage, type RequestListener } from 'node:http';

import { afterEach, describe, expect, it } from 'vitest';

import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import {
  eventually,
  listen,
  RawClient,
  startFilters,
  type Filters,
} from '../support/filter-server.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Looks at everything and changes nothing. */
const looking: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [{ logPairs: 0 }],
    proxy_on_request_body: [{ logSizeAndEnd: true }],
    proxy_on_request_trailers: [{ logPairs: 1 }],
    proxy_on_response_headers: [{ logPairs: 2 }],
    proxy_on_response_body: [{ logSizeAndEnd: true }],
  },
};

/** What the app was given, and what came of it. */
interface Seen {
  requests: string[];
}

function app(seen: Seen): RequestListener {
  return (req: IncomingMessage, res) => {
    let body = '';
    req.on('data', (chunk: Buffer) => (body += chunk.toString('latin1')));
    req.on('error', () => undefined);
    req.on('end', () => {
      const headers = req.rawHeaders.join('|').toLowerCase();
      seen.requests.push(`${req.method ?? ''} ${req.url ?? ''} ${headers} ${body}`);
      res.end(`saw ${String(body.length)}`);
    });
  };
}

/** Sends the bytes; answers what came back (without the date) and what the app saw. */
async function send(
  request: string,
  filters?: Filters,
): Promise<{ answer: string; requests: string[] }> {
  const seen: Seen = { requests: [] };
  const handle = app(seen);
  const server = createServer(
    { requestTimeout: 10_000, headersTimeout: 10_000, connectionsCheckingInterval: 500 },
    (req, res) => {
      if (filters === undefined) handle(req, res);
      else
        filters.filter(req, res, () => {
          handle(req, res);
        });
    },
  );
  const { port, close } = await listen(server);
  const client = new RawClient(port);
  client.write(request);
  client.socket.end();
  await client.closed;
  await close();
  return { answer: client.text.replace(/\r\ndate: [^\r]*/gi, ''), requests: seen.requests };
}

const CRLF = '\r\n';
const lines = (...each: string[]): string => each.join(CRLF);
const smuggled = lines('GET /smuggled HTTP/1.1', 'host: a', '', '');

const REQUESTS: [string, string][] = [
  [
    'content-length and transfer-encoding',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'content-length: 4',
      'transfer-encoding: chunked',
      '',
      '0',
      '',
      smuggled,
    ),
  ],
  [
    'two content-lengths that differ',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'content-length: 4',
      'content-length: 5',
      '',
      'abcde',
      smuggled,
    ),
  ],
  [
    'two content-lengths that agree',
    lines('POST / HTTP/1.1', 'host: a', 'content-length: 4', 'content-length: 4', '', 'abcd'),
  ],
  [
    'a list as content-length',
    lines('POST / HTTP/1.1', 'host: a', 'content-length: 4, 4', '', 'abcd'),
  ],
  [
    'a signed content-length',
    lines('POST / HTTP/1.1', 'host: a', 'content-length: +4', '', 'abcd'),
  ],
  [
    'a huge content-length',
    lines('POST / HTTP/1.1', 'host: a', 'content-length: 99999999999999999999', '', 'abcd'),
  ],
  [
    'transfer-encoding that is not chunked last',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked, identity',
      '',
      '4',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'transfer-encoding with a tab',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding:\tchunked',
      '',
      '4',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'transfer-encoding twice',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: identity',
      'transfer-encoding: chunked',
      '',
      '4',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'a space before the colon',
    lines('POST / HTTP/1.1', 'host: a', 'content-length : 4', '', 'abcd'),
  ],
  ['obs-fold', lines('GET / HTTP/1.1', 'host: a', 'x-a: b', '  c', '', '')],
  ['bare LF', 'GET / HTTP/1.1\nhost: a\n\n'],
  ['bare LF in the head', 'GET / HTTP/1.1\r\nhost: a\nx-a: b\r\n\r\n'],
  ['bare CR in a value', lines('GET / HTTP/1.1', 'host: a', 'x-a: b\rx-b: c', '', '')],
  ['NUL in a value', lines('GET / HTTP/1.1', 'host: a', 'x-a: b\0c', '', '')],
  ['NUL in the path', lines('GET /a\0b HTTP/1.1', 'host: a', '', '')],
  ['a byte above 0x7f in a name', lines('GET / HTTP/1.1', 'host: a', 'x-\xe9: b', '', '')],
  ['bytes above 0x7f in a value', lines('GET / HTTP/1.1', 'host: a', 'x-a: \xe9\xff', '', '')],
  ['no name', lines('GET / HTTP/1.1', 'host: a', ': b', '', '')],
  ['a pseudo header', lines('GET / HTTP/1.1', 'host: a', ':path: /other', '', '')],
  ['two hosts', lines('GET / HTTP/1.1', 'host: a', 'host: b', '', '')],
  ['no host', lines('GET / HTTP/1.1', '', '')],
  ['a host that is none', lines('GET / HTTP/1.1', 'host: a/b@c d', '', '')],
  ['an absolute target of another host', lines('GET http://b/path HTTP/1.1', 'host: a', '', '')],
  ['an asterisk', lines('OPTIONS * HTTP/1.1', 'host: a', '', '')],
  ['a path of dots', lines('GET /../../%2e%2e/%00 HTTP/1.1', 'host: a', '', '')],
  ['a path without a slash', lines('GET admin HTTP/1.1', 'host: a', '', '')],
  ['a fragment', lines('GET /a#b HTTP/1.1', 'host: a', '', '')],
  ['an unknown method', lines('BREW / HTTP/1.1', 'host: a', '', '')],
  ['an unknown version', lines('GET / HTTP/3.7', 'host: a', '', '')],
  ['HTTP/0.9', 'GET /\r\n'],
  ['HTTP/1.0 with a body', lines('POST / HTTP/1.0', 'content-length: 4', '', 'abcd')],
  [
    'a chunk size that is no number',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked',
      '',
      'zz',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'a negative chunk size',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked',
      '',
      '-4',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'a huge chunk size',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked',
      '',
      'fffffffffffffffff',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'a chunk that is longer than it says',
    lines('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', '2', 'abcd', '0', '', ''),
  ],
  [
    'chunk extensions',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked',
      '',
      '4;a="b\\"c"',
      'abcd',
      '0',
      '',
      '',
    ),
  ],
  [
    'bare LF after a chunk',
    'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n4\nabcd\n0\n\n',
  ],
  [
    'trailers that frame',
    lines(
      'POST / HTTP/1.1',
      'host: a',
      'transfer-encoding: chunked',
      '',
      '4',
      'abcd',
      '0',
      'content-length: 9',
      'host: b',
      '',
      smuggled,
    ),
  ],
  [
    'a body that stops in the middle',
    lines('POST / HTTP/1.1', 'host: a', 'content-length: 10', '', 'abcd'),
  ],
  ['a head that stops in the middle', 'GET / HTTP/1.1\r\nhost: a\r\nx-a:'],
  [
    'a head that is too large',
    lines('GET / HTTP/1.1', 'host: a', `x-a: ${'b'.repeat(20_000)}`, '', ''),
  ],
  [
    'many headers',
    lines(
      'GET / HTTP/1.1',
      'host: a',
      ...Array.from({ length: 990 }, (_, index) => `h${String(index)}:`),
      '',
      '',
    ),
  ],
  [
    'two requests at once',
    lines('GET /1 HTTP/1.1', 'host: a', '', 'GET /2 HTTP/1.1', 'host: a', '', ''),
  ],
  ['a body with GET', lines('GET / HTTP/1.1', 'host: a', 'content-length: 4', '', 'abcd')],
  ['nothing but noise', '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
];

describe('what a client sends that none should', () => {
  it.each(REQUESTS)('%s', async (_name, request) => {
    const plain = await send(request);
    const filters = await startFilters([looking]);
    const filtered = await send(request, filters);
    expect(filtered).toEqual(plain);
    // Whatever smuggles is refused, or is a request of its own for both.
    expect(filters.plugins[0]?.failure).toBeUndefined();
    const { created, deleted } = await filters.close();
    expect(created).toBe(deleted);
  });
});

describe('slow and rude clients', () => {
  async function serve(handle: RequestListener) {
    const filters = await startFilters([looking]);
    const server = createServer((req, res) => {
      filters.filter(req, res, () => {
        handle(req, res);
      });
    });
    const { port, close } = await listen(server);
    cleanups.push(close);
    const settled = async () => {
      await eventually(() => filters.plugins[0]?.streams === 0, 'no stream is left');
      const { created, deleted } = await filters.close();
      expect(created).toBe(deleted);
    };
    return { filters, port, settled };
  }

  it('a request that comes byte by byte is one request', async () => {
    const seen: Seen = { requests: [] };
    const { port, settled } = await serve(app(seen));
    const client = new RawClient(port);
    client.socket.setNoDelay(true);
    for (const byte of lines('POST /slow HTTP/1.1', 'host: a', 'content-length: 4', '', 'abcd')) {
      client.write(byte);
      await new Promise((resolve) => setImmediate(resolve));
    }
    expect(await client.until(/saw 4/)).toMatch(/^HTTP\/1.1 200/);
    expect(seen.requests).toEqual(['POST /slow host|a|content-length|4 abcd']);
    client.destroy();
    await settled();
  });

  it('a reader that does not read holds nobody but itself, and leaves nothing when it goes', async () => {
    let wrote = 0;
    let drained = true;
    const { port, settled } = await serve((_, res) => {
      const more = (): void => {
        drained = true;
        while (drained && !res.destroyed && wrote < 64 * 1024 * 1024) {
          wrote += 65_536;
          drained = res.write(Buffer.alloc(65_536, 'x'));
        }
      };
      res.on('drain', more);
      more();
    });
    const client = new RawClient(port);
    client.socket.pause();
    client.send('GET / HTTP/1.1\nhost: a');
    await eventually(() => wrote > 0 && !drained, 'the app is told to wait');
    expect(wrote).toBeLessThan(32 * 1024 * 1024);
    client.destroy();
    await settled();
  });

  it.each([
    ['in the head', 'POST / HTTP/1.1\r\nhost: a\r\n'],
    ['in the body', lines('POST / HTTP/1.1', 'host: a', 'content-length: 10', '', 'abc')],
    [
      'in a chunk',
      lines('POST / HTTP/1.1', 'host: a', 'transfer-encoding: chunked', '', 'a', 'abc'),
    ],
    ['while the app works', lines('GET / HTTP/1.1', 'host: a', '', '')],
  ])('one that aborts %s leaves nothing', async (_name, text) => {
    const { port, settled } = await serve((req) => {
      req.resume();
    });
    for (let round = 0; round < 20; round += 1) {
      const client = new RawClient(port);
      client.write(text);
      await new Promise((resolve) => setTimeout(resolve, round % 4));
      client.socket.resetAndDestroy();
      await client.closed;
    }
    await settled();
  });
});
