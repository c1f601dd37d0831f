/** HTTP calls to servers, over real sockets. */
import type { IncomingMessage } from 'node:http';
import {
  createServer as createHttp2Server,
  createSecureServer,
  type ServerHttp2Session,
  type ServerHttp2Stream,
} from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { TLSSocket } from 'node:tls';

import { describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { tls } from '../../../conformance/src/tls/index.js';
import {
  callingPlugin,
  httpServer,
  listen,
  readPairs,
  tcpServer,
} from '../support/calling-plugin.js';

type Pairs = readonly (readonly [string, string])[];

const head = (method: string, path: string, ...others: [string, string][]): Pairs => [
  [':method', method],
  [':path', path],
  [':authority', 'auth.test'],
  ...others,
];

async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return Buffer.concat(chunks);
}

const get: Operation = { httpCall: { upstream: 'a' } };

/** The connection header and the date differ from call to call. */
const without = (pairs: string[], ...names: string[]): string[] =>
  pairs.filter((_, index) => !names.includes(pairs[index - (index % 2)] as string));

describe('several origins behind one name', () => {
  it('take turns, and one that is down costs only its own calls', async () => {
    const seen: string[] = [];
    const server = (name: string) =>
      httpServer((_req, res) => {
        seen.push(name);
        res.end(name);
      });
    const gone = await tcpServer((socket) => socket.destroy());
    const origins = [await server('first'), gone, await server('third')];
    const { wait } = await callingPlugin([get, get, get, get, get], {
      host: { upstreams: { a: { origins } } },
      callbacks: { proxy_on_http_call_response: [{ logBuffer: [4] }] },
    });
    const answers = await wait(5);
    expect(seen.sort()).toEqual(['first', 'first', 'third']);
    expect(answers.filter((each) => each === 'first' || each === 'third')).toHaveLength(3);
  });

  it.each([
    [{ origins: [] }, 'upstreams.a.origins must be at least one origin'],
    [{ origins: ['ftp://x'] }, 'upstreams.a.origins[0] must be an http: or https: origin URL'],
    [{ origins: ['http://a'], url: 'http://b' }, 'upstreams.a.url must be given, once'],
  ])('%j is refused', async (upstream, message) => {
    const making = callingPlugin([get], { host: { upstreams: { a: upstream } } });
    await expect(making).rejects.toThrow(message);
  });
});

describe('a request', () => {
  it('has method, path, authority, headers in order with duplicates, and the bytes of the body', async () => {
    const seen: unknown[] = [];
    const url = await httpServer((req, res) => {
      void bodyOf(req).then((body) => {
        seen.push(req.method, req.url, req.rawHeaders, [...body]);
        res.end();
      });
    });
    const headers = head('PATCH', '/a?b=c', ['X-B', '1'], ['x-a', '2'], ['x-b', 'h\xe9']);
    const body = new Uint8Array([0, 255, 1, 128]);
    const { wait } = await callingPlugin([{ httpCall: { upstream: 'a', headers, body } }], {
      host: { upstreams: { a: url } },
    });
    await wait(4);
    const expected = ['x-b', '1', 'x-a', '2', 'x-b', 'h\xe9', 'content-length', '4'];
    expect(seen.slice(0, 2)).toEqual(['PATCH', '/a?b=c']);
    const raw = seen[2] as string[];
    expect(raw.map((each, i) => (i % 2 === 0 ? each.toLowerCase() : each))).toEqual([
      'host',
      'auth.test',
      'connection',
      'keep-alive',
      ...expected,
    ]);
    expect(seen[3]).toEqual([0, 255, 1, 128]);
  });

  it('has no body and no length where the guest gives none, and nothing hop-by-hop', async () => {
    let raw: string[] = [];
    const url = await httpServer((req, res) => {
      raw = req.rawHeaders.map((each) => each.toLowerCase());
      res.end();
    });
    const headers = head(
      'GET',
      '/',
      ['connection', 'x-gone, close'],
      ['x-gone', '1'],
      ['transfer-encoding', 'chunked'],
      ['content-length', '99'],
      ['keep-alive', '1'],
      ['upgrade', 'h2c'],
      ['expect', '100-continue'],
      ['host', 'other.test'],
      ['x-stays', '1'],
    );
    const { wait } = await callingPlugin([{ httpCall: { upstream: 'a', headers } }], {
      host: { upstreams: { a: url } },
    });
    await wait(4);
    expect(raw).toEqual(['host', 'auth.test', 'connection', 'keep-alive', 'x-stays', '1']);
  });

  it('may have trailers, and any path and method that HTTP has', async () => {
    const seen: unknown[] = [];
    const url = await httpServer((req, res) => {
      void bodyOf(req).then((body) => {
        seen.push([req.method, req.url, body.toString(), req.rawTrailers, req.headers['x-a']]);
        res.end();
      });
    });
    const { wait } = await callingPlugin(
      [
        {
          httpCall: {
            upstream: 'a',
            headers: head('POST', '/t', ['x-a', '1']),
            body: 'hello',
            trailers: [
              ['x-sum', '7'],
              ['x-sum', '8'],
            ],
          },
        },
        { httpCall: { upstream: 'a', headers: head('POST', '/t'), trailers: [['x-t', '1']] } },
        { httpCall: { upstream: 'a', headers: head('OPTIONS', '*') } },
        { httpCall: { upstream: 'a', headers: head('PROPFIND', '/p') } },
      ],
      { host: { upstreams: { a: { url, connections: 1 } } } },
    );
    await wait(16);
    expect(seen).toHaveLength(4);
    expect(seen).toEqual(
      expect.arrayContaining([
        ['POST', '/t', 'hello', ['x-sum', '7', 'x-sum', '8'], '1'],
        ['POST', '/t', '', ['x-t', '1'], undefined],
        ['OPTIONS', '*', '', [], undefined],
        ['PROPFIND', '/p', '', [], undefined],
      ]),
    );
  });
});

describe('a response', () => {
  it('comes with :status first, duplicates, body and trailers', async () => {
    const url = await httpServer((_req, res) => {
      res.writeHead(418, [
        'Set-Cookie',
        'a=1',
        'X-B',
        // The guest logs the bytes, and the log reads them as UTF-8.
        'h\xc3\xa9',
        'Set-Cookie',
        'b=2',
        'Trailer',
        'x-t',
      ]);
      res.write(Buffer.from([0, 200]));
      res.addTrailers([
        ['X-T', '1'],
        ['x-t', '2'],
      ]);
      res.end('end');
    });
    const { wait } = await callingPlugin([get], { host: { upstreams: { a: url } } });
    const [sizes = '', trailerCount, headers, body, trailers, status] = await wait(6);
    const pairs = without(readPairs(headers), 'date');
    expect(pairs).toEqual([
      ...[':status', '418', 'set-cookie', 'a=1', 'x-b', 'h\xe9', 'set-cookie', 'b=2'],
      ...['trailer', 'x-t'],
    ]);
    expect(sizes.split(' ')).toEqual([String(readPairs(headers).length / 2), '5']);
    expect([trailerCount, readPairs(trailers)]).toEqual(['2', ['x-t', '1', 'x-t', '2']]);
    expect([...Buffer.from(body ?? '')].length).toBeGreaterThan(0);
    expect(status).toBe('');
  });

  it('may be empty, and early hints before it are not told', async () => {
    const url = await httpServer((_req, res) => {
      res.writeEarlyHints({ link: '</a.css>; rel=preload' });
      res.writeHead(204).end();
    });
    const { wait } = await callingPlugin([get], { host: { upstreams: { a: url } } });
    const [sizes, trailers, headers] = await wait(6);
    expect(readPairs(headers).slice(0, 2)).toEqual([':status', '204']);
    expect([sizes?.split(' ')[1], trailers]).toEqual(['0', '0']);
  });

  it('of redirects and of compressed bodies is told as it is', async () => {
    const url = await httpServer((_req, res) => {
      res
        .writeHead(302, { location: 'http://127.0.0.1:1/', 'content-encoding': 'gzip' })
        .end('raw');
    });
    const { wait } = await callingPlugin([get], { host: { upstreams: { a: url } } });
    const [, , headers, body] = await wait(6);
    expect(readPairs(headers)).toContain('302');
    expect(body).toBe('raw');
  });

  it('without trailers answers NotFound for one, as a header that is not there', async () => {
    const url = await httpServer((_req, res) => res.end());
    const { wait } = await callingPlugin([get], {
      host: { upstreams: { a: url } },
      callbacks: {
        proxy_on_http_call_response: [
          { logHeader: [7, 'x-t'] },
          { logHeader: [6, 'x-t'] },
          { logHeader: [6, ':STATUS'] },
          { add: [6, 'x-t', '1'] },
          { logStatus: true },
          { logHeader: [4, 'x-t'] },
        ],
      },
    });
    expect(await wait(5)).toEqual(['status 1', 'status 1', '200', 'status 2', 'status 2']);
  });

  it('is there only during its callback', async () => {
    const url = await httpServer((_req, res) => res.end('body'));
    const { wait } = await callingPlugin([get, { logBuffer: [4] }, { logHeader: [6, ':status'] }], {
      host: { upstreams: { a: url } },
      callbacks: {
        proxy_on_http_call_response: [{ logBuffer: [4] }, { setTickPeriod: 1 }],
        proxy_on_tick: [{ logBuffer: [4] }, { logHeader: [6, ':status'] }, { setTickPeriod: 0 }],
      },
    });
    expect(await wait(5)).toEqual(['status 1', 'status 2', 'body', 'status 1', 'status 2']);
  });
});

describe('connections', () => {
  it('are kept and used again', async () => {
    const ports = new Set<unknown>();
    const url = await httpServer((req, res) => {
      ports.add(req.socket.remotePort);
      res.end();
    });
    const { wait } = await callingPlugin([get], {
      host: { upstreams: { a: url } },
      callbacks: { proxy_on_http_call_response: [{ logCallSizes: true }, get] },
      plugin: { limits: { upstreamCalls: 2 } },
    });
    await wait(40);
    // A call made in the callback finds the connection of the one before still busy.
    expect(ports.size).toBeLessThanOrEqual(2);
  });

  it('are as many as the upstream allows; calls beyond wait', async () => {
    let most = 0;
    let now = 0;
    const url = await httpServer((_req, res) => {
      now += 1;
      most = Math.max(most, now);
      setTimeout(() => {
        now -= 1;
        res.end();
      }, 5);
    });
    const { wait } = await callingPlugin(new Array<Operation>(20).fill(get), {
      host: { upstreams: { a: { url, connections: 3 } } },
      callbacks: { proxy_on_http_call_response: [{ log: 'one' }] },
    });
    expect(await wait(20)).toHaveLength(20);
    expect(most).toBe(3);
  });
});

describe('https', () => {
  async function secure(): Promise<string> {
    const server = createHttpsServer(tls, (req, res) => {
      res.end(String((req.socket as unknown as { servername?: string }).servername));
    });
    return `https://localhost:${String(await listen(server))}`;
  }
  const logs: readonly Operation[] = [{ logHeader: [6, ':status'] }, { logBuffer: [4] }];
  const callbacks = { proxy_on_http_call_response: logs };

  it('checks the name in the URL, whatever authority the guest asks for', async () => {
    const url = await secure();
    const upstreams = { a: { url, tls: { ca: tls.cert } } };
    const trailers = { httpCall: { upstream: 'a', trailers: [['x', '1']] as const } };
    const { wait } = await callingPlugin([get, trailers], { host: { upstreams }, callbacks });
    expect(await wait(4)).toEqual(['200', 'localhost', '200', 'localhost']);
  });

  it('refuses a server that it does not know, and says why', async () => {
    const url = await secure();
    const { wait, texts } = await callingPlugin([get], {
      host: { upstreams: { a: url } },
      callbacks,
    });
    const [, status, body] = await wait(3);
    expect([status, body]).toEqual(['503', expect.stringContaining('remote connection failure')]);
    expect(texts('warn')).toEqual([
      expect.stringMatching(/^HTTP call to upstream "a" was answered with 503: .*self.signed/),
    ]);
  });

  it('refuses a server of another name, unless told that name', async () => {
    const url = (await secure()).replace('localhost', '127.0.0.2');
    const other = { url: url.replace('127.0.0.2', '127.0.0.1'), tls: { ca: tls.cert } };
    const named = { ...other, tls: { ca: tls.cert, servername: 'other.test' } };
    const upstreams = {
      a: named,
      b: other,
      c: { url: other.url, tls: { rejectUnauthorized: false } },
    };
    const calls = ['a', 'b', 'c'].map((upstream): Operation => ({ httpCall: { upstream } }));
    const { wait, texts } = await callingPlugin(calls, { host: { upstreams }, callbacks });
    await wait(7);
    expect(
      texts('info')
        .filter((text) => /^\d+$/.test(text))
        .sort(),
    ).toEqual(['200', '200', '503']);
    expect(texts('warn')).toEqual([expect.stringContaining('other.test')]);
  });
});

describe('a client certificate', () => {
  it.each([
    ['over HTTP/1.1', {}, false],
    ['over HTTP/1.1, with trailers', {}, true],
    ['over HTTP/2', { http2: true }, false],
  ])('is shown where the server asks for one: %s', async (_how, more, trailers) => {
    const asking = { ...tls, ca: tls.cert, requestCert: true, allowHTTP1: true };
    const server = createSecureServer(asking, (req, res) => {
      const { subject } = (req.socket as TLSSocket).getPeerCertificate();
      res.end(`${req.httpVersion} ${String(subject.CN)}`);
    });
    server.on('sessionError', () => undefined);
    const url = `https://localhost:${String(await listen(server))}`;
    const upstreams = {
      known: { url, ...more, tls: { ca: tls.cert, cert: tls.cert, key: tls.key } },
      unknown: { url, ...more, tls: { ca: tls.cert } },
    };
    const call = (upstream: string): Operation => ({
      httpCall: { upstream, ...(trailers ? { trailers: [['x', '1']] } : {}) },
    });
    const { wait, texts } = await callingPlugin([call('known')], {
      host: { upstreams },
      callbacks: {
        proxy_on_http_call_response: [
          { logHeader: [6, ':status'] },
          { logBuffer: [4] },
          { ofCall: [4, [call('unknown')]] },
        ],
      },
    });
    await wait(5);
    const version = 'http2' in more ? '2.0' : '1.1';
    expect(texts('info').slice(0, 3)).toEqual(['200', `${version} localhost`, '503']);
    expect(texts('warn')).toEqual([expect.stringContaining('"unknown" was answered with 503')]);
  });
});

describe('HTTP/2', () => {
  const callbacks = {
    proxy_on_http_call_response: [
      { logHeader: [6, ':status'] },
      { logBuffer: [4] },
      { logHeader: [7, 'x-t'] },
    ] as const,
  };

  it('is taken where option and server have it, by TLS or in the clear', async () => {
    const onStream = (server: ReturnType<typeof createHttp2Server>): void => {
      server.on('stream', (stream, headers) => {
        stream.respond({ ':status': 200, 'x-a': '1' }, { waitForTrailers: true });
        stream.on('wantTrailers', () => stream.sendTrailers({ 'x-t': 'two' }));
        stream.end(`${String(headers[':method'])} ${String(headers[':authority'])}`);
      });
    };
    const plain = createHttp2Server();
    const secure = createSecureServer(tls);
    onStream(plain);
    onStream(secure);
    const upstreams = {
      a: { url: `http://127.0.0.1:${String(await listen(plain))}`, http2: true },
      b: {
        url: `https://localhost:${String(await listen(secure))}`,
        http2: true,
        tls: { ca: tls.cert },
      },
    };
    const post: Operation = {
      httpCall: { upstream: 'b', headers: head('POST', '/'), body: 'abc' },
    };
    const { wait } = await callingPlugin([get], {
      host: { upstreams },
      callbacks: {
        proxy_on_http_call_response: [
          ...callbacks.proxy_on_http_call_response,
          { ofCall: [4, [post]] },
        ],
      },
    });
    expect(await wait(6)).toEqual([
      ...['200', 'GET upstream.test', 'two'],
      ...['200', 'POST auth.test', 'two'],
    ]);
  });

  it('carries many calls on one connection', async () => {
    let sessions = 0;
    const waiting: ServerHttp2Stream[] = [];
    const server = createHttp2Server();
    server.on('session', () => (sessions += 1));
    server.on('stream', (stream) => {
      waiting.push(stream);
      // None is answered before all are there.
      if (waiting.length < 30) return;
      for (const each of waiting) {
        each.respond({ ':status': 200 });
        each.end('x');
      }
    });
    const url = `http://127.0.0.1:${String(await listen(server))}`;
    const { wait } = await callingPlugin(new Array<Operation>(30).fill(get), {
      host: { upstreams: { a: { url, http2: true, connections: 1 } } },
      callbacks: { proxy_on_http_call_response: [{ logHeader: [6, ':status'] }] },
    });
    expect(await wait(30)).toEqual(new Array(30).fill('200'));
    expect(sessions).toBe(1);
  });

  it.each(['destroy', 'goaway', 'close'] as const)(
    'whose session ends by %s leaves no call without an end',
    async (how) => {
      const sessions = new Set<ServerHttp2Session>();
      const server = createHttp2Server();
      let streams = 0;
      server.on('session', (session) => {
        sessions.add(session);
        session.on('error', () => undefined);
      });
      server.on('stream', (stream) => {
        stream.on('error', () => undefined);
        streams += 1;
        if (streams === 20) for (const session of sessions) session[how]();
        if (streams > 20) {
          stream.respond({ ':status': 200 });
          stream.end();
        }
      });
      const url = `http://127.0.0.1:${String(await listen(server))}`;
      const call: Operation = { httpCall: { upstream: 'a', timeoutMs: 500 } };
      const { wait, texts } = await callingPlugin(new Array<Operation>(20).fill(call), {
        host: { upstreams: { a: { url, http2: true, connections: 1 } } },
        callbacks: {
          proxy_on_http_call_response: [{ logHeader: [6, ':status'] }, { ofCall: [80, [call]] }],
        },
      });
      await wait(21);
      await expect.poll(() => texts('info').length).toBe(21);
    },
  );

  it('is not insisted on', async () => {
    const server = createHttpsServer(tls, (req, res) => res.end(req.httpVersion));
    const url = `https://localhost:${String(await listen(server))}`;
    const upstreams = { a: { url, http2: true, tls: { ca: tls.cert } } };
    const { wait } = await callingPlugin([get], { host: { upstreams }, callbacks });
    expect(await wait(3)).toEqual(['200', '1.1', 'status 1']);
  });
});

describe('failures', () => {
  const callbacks = {
    proxy_on_http_call_response: [
      { logCallSizes: true },
      { logHeader: [6, ':status'] },
      { logBuffer: [4] },
      { logCallStatus: true },
    ] as const,
  };
  const upstream = (url: string, more: object = {}) => ({
    host: { upstreams: { a: { url, ...more } } },
    callbacks,
  });
  const within50: Operation = { httpCall: { upstream: 'a', timeoutMs: 50 } };
  const reset = 'upstream connect error or disconnect/reset before headers. reset reason: ';

  const answered: readonly {
    what: string;
    url: () => Promise<string> | string;
    reply: [status: string, body: string];
    why: RegExp;
  }[] = [
    {
      what: 'refused',
      url: () => 'http://127.0.0.1:1',
      reply: ['503', `${reset}remote connection failure`],
      why: /ECONNREFUSED/,
    },
    {
      what: 'of no such name',
      url: () => 'http://nobody.invalid',
      reply: ['503', 'no healthy upstream'],
      why: /ENOTFOUND|EAI_AGAIN/,
    },
    {
      what: 'closed at once',
      url: () => tcpServer((socket) => socket.once('data', () => socket.end())),
      reply: ['503', `${reset}connection termination`],
      why: /closed|reset/,
    },
    {
      what: 'reset at once',
      url: () => tcpServer((socket) => socket.once('data', () => socket.resetAndDestroy())),
      reply: ['503', `${reset}connection termination`],
      why: /ECONNRESET|closed/,
    },
    {
      what: 'answered in another language',
      url: () => tcpServer((socket) => socket.once('data', () => socket.end('SSH-2.0-x\r\n\r\n'))),
      reply: ['502', `${reset}protocol error`],
      why: /HTTP/,
    },
  ];

  it.each(answered)('a connection that is $what is an answer of the host', async (failure) => {
    const { wait, texts } = await callingPlugin([get], upstream(await failure.url()));
    expect((await wait(7)).slice(3)).toEqual([...failure.reply, '', '0']);
    expect(texts('warn')).toEqual([expect.stringMatching(failure.why)]);
  });

  it.each([
    ['is not accepted', 'x'],
    ['hangs before the response', ''],
  ])('a call whose connection %s times out with 504', async () => {
    const url = await tcpServer(() => undefined);
    const { wait, texts } = await callingPlugin([within50], upstream(url));
    expect((await wait(7)).slice(3)).toEqual(['504', 'upstream request timeout', '', '0']);
    expect(texts('warn')).toEqual([expect.stringContaining('no answer within 50 ms')]);
  });

  it('the upstream has timeouts of its own', async () => {
    const url = await tcpServer(() => undefined);
    const { wait } = await callingPlugin([get], upstream(url, { headersTimeoutMs: 50 }));
    expect((await wait(7)).slice(3, 5)).toEqual(['504', 'upstream request timeout']);
  });

  it.each([
    ['with trailers', [['x', '1']] as const],
    ['without', []],
  ])('a call %s that takes too long to connect is 503', async (_what, trailers) => {
    const call: Operation = { httpCall: { upstream: 'a', trailers } };
    // Accepts, and never says anything of TLS.
    let closed = 0;
    const silent = await tcpServer((socket) => {
      socket.resume().on('close', () => (closed += 1));
    });
    const options = upstream(silent.replace('http:', 'https:'), { connectTimeoutMs: 50 });
    const { wait, texts } = await callingPlugin([call], options);
    expect((await wait(7)).slice(3)).toEqual(['503', `${reset}connection timeout`, '', '0']);
    expect(texts('warn')).toEqual([
      expect.stringMatching(/was answered with 503: connect timeout/i),
    ]);
    await expect.poll(() => closed).toBe(1);
  });

  it('a head that is too large is an answer of the host', async () => {
    const url = await httpServer((_req, res) => {
      res.writeHead(200, { 'x-large': 'x'.repeat(20_000) }).end();
    });
    const { wait, texts } = await callingPlugin([get], upstream(url));
    expect((await wait(7)).slice(3, 5)).toEqual(['502', `${reset}protocol error`]);
    expect(texts('warn')).toEqual([expect.stringContaining('was answered with 502')]);
  });

  it.each<[string, (url: string) => [Operation, object]]>([
    // Enough for the head to come.
    ['the guest’s timeout', () => [{ httpCall: { upstream: 'a', timeoutMs: 1000 } }, {}]],
    ['the upstream’s timeout', () => [get, { bodyTimeoutMs: 50 }]],
  ])('a response that stops half-way is no response after %s', async (_what, how) => {
    const url = await httpServer((_req, res) => {
      res.writeHead(200);
      res.write('half');
    });
    const [call, more] = how(url);
    const { wait, texts } = await callingPlugin([call], upstream(url, more));
    const lines = await wait(7);
    expect(lines.slice(1)).toEqual(['0 0', '0', 'status 1', 'status 1', 'reset', '11']);
    expect(texts('warn')[0]).toContain('was reset: ');
  });

  it.each([
    ['with trailers', [['x', '1']] as const],
    ['without', []],
  ])('a call %s may take long, if each piece comes in time', async (_what, trailers) => {
    const url = await httpServer((_req, res) => {
      let pieces = 0;
      const timer = setInterval(() => {
        pieces += 1;
        if (pieces < 6) {
          res.write('x');
          return;
        }
        clearInterval(timer);
        res.end();
      }, 250);
    });
    const call: Operation = { httpCall: { upstream: 'a', trailers } };
    const options = upstream(url, { headersTimeoutMs: 10_000, bodyTimeoutMs: 1000 });
    const { wait } = await callingPlugin([call], options);
    expect((await wait(6)).slice(2, 4)).toEqual(['200', 'xxxxx']);
  });

  it('a call with trailers that waits for a connection is not connecting', async () => {
    const url = await httpServer((_req, res) => {
      setTimeout(() => res.end(), 1200);
    });
    const call: Operation = { httpCall: { upstream: 'a', trailers: [['x', '1']] } };
    const options = upstream(url, { connections: 1, connectTimeoutMs: 1000 });
    const { wait, texts } = await callingPlugin([call, call], options);
    await wait(12);
    expect(texts('info').filter((text) => text === '200')).toHaveLength(2);
  });

  it('a response that breaks off is no response', async () => {
    const url = await httpServer((_req, res) => {
      res.writeHead(200, { 'content-length': '10' });
      res.write('half', () => res.destroy());
    });
    const trailers = { httpCall: { upstream: 'a', trailers: [['x', '1']] as const } };
    for (const call of [get, trailers]) {
      const { wait } = await callingPlugin([call], upstream(url));
      const lines = await wait(7);
      expect(lines.slice(1)).toEqual(['0 0', '0', 'status 1', 'status 1', 'reset', '11']);
    }
  });

  it('a body beyond the limit is no response', async () => {
    let closed = 0;
    const url = await httpServer((_req, res) => {
      res.on('close', () => (closed += 1));
      res.write('x'.repeat(600));
      setTimeout(() => res.write('x'.repeat(600)), 10);
    });
    const { wait, texts } = await callingPlugin([get], upstream(url, { maxResponseBytes: 1000 }));
    await wait(7);
    expect(texts('warn')).toEqual([
      expect.stringContaining("was reset: the response's body exceeds 1000 bytes"),
    ]);
    await expect.poll(() => closed).toBe(1);
  });

  it('the status code stays, its message is of the callback only', async () => {
    const bad = await httpServer((_req, res) => {
      res.writeHead(200).write('half', () => res.destroy());
    });
    const good = await httpServer((_req, res) => res.end());
    const { wait } = await callingPlugin([get], {
      host: { upstreams: { a: bad, b: good } },
      callbacks: {
        proxy_on_http_call_response: [
          { logCallStatus: true },
          { ofCall: [4, [{ httpCall: { upstream: 'b' } }]] },
        ],
      },
    });
    expect((await wait(5)).slice(1)).toEqual(['reset', '11', '', '11']);
  });
});

it('a host that has closed has no connections left', async () => {
  let open = 0;
  const url = await tcpServer((socket) => {
    open += 1;
    socket.on('close', () => (open -= 1));
    socket.on('data', () => socket.write('HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n'));
  });
  const calls: Operation[] = [get, { httpCall: { upstream: 'b' } }];
  const { wait, host } = await callingPlugin(calls, {
    host: { upstreams: { a: url } },
    plugin: { upstreams: { b: { url, connections: 1 } } },
  });
  await wait(12);
  expect(open).toBe(2);
  await host.close();
  await expect.poll(() => open).toBe(0);
});
