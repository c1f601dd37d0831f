/** Code from `https:` and `http:` URLs, over real sockets. */
import { createHash, X509Certificate } from 'node:crypto';
import type { RequestListener } from 'node:http';
import { createServer as createHttpsServer } from 'node:https';
import { createServer as createTcpServer } from 'node:net';
import type { TLSSocket } from 'node:tls';

import { beforeAll, describe, expect, it } from 'vitest';

import { tls } from '../../../conformance/src/tls/index.js';
import { afterTest, codeServer, reader, refusalOf } from '../support/code-server.js';
import { listen } from '../support/filter-server.js';
import { filter } from '../support/modules.js';

let module: Uint8Array<ArrayBuffer>;
let sha256: string;

beforeAll(async () => {
  module = await filter();
  sha256 = createHash('sha256').update(module).digest('hex');
});

describe('code from a URL', () => {
  it.each([false, true])('is what the server sends (TLS: %s)', async (secure) => {
    const server = await codeServer((_req, res) => res.end(module), { secure });
    const { read, warnings, counts } = reader();
    const { bytes, sha256: found } = await read(`${server.origin}/a/filter.wasm?v=1#part`, sha256);
    expect(Buffer.compare(bytes, module)).toBe(0);
    expect(found).toBe(sha256);
    expect(server.requests).toEqual([
      {
        url: '/a/filter.wasm?v=1',
        headers: expect.objectContaining({
          host: server.host,
          'accept-encoding': 'identity',
          accept: 'application/wasm, */*;q=0.5',
        }),
      },
    ]);
    expect(warnings).toEqual([]);
    expect(counts).toEqual({ cache_misses: 1, fetch_successes: 1 });
  });

  it('must have its digest, and is not asked for again where it has not', async () => {
    const server = await codeServer((_req, res) => res.end('other bytes'));
    const url = `${server.origin}/filter.wasm`;
    const { read } = reader();
    const { code, message } = await refusalOf(read(url, sha256.toUpperCase()));
    const other = createHash('sha256').update('other bytes').digest('hex');
    expect(code).toBe('PW_ERR_CODE_DIGEST');
    expect(message).toContain(
      `the module from ${url} (11 bytes) has sha256 ${other}, not ${sha256} as the option sha256`,
    );
    expect(server.requests).toHaveLength(1);
  });

  it('comes with credentials and headers, of which nothing is shown', async () => {
    const server = await codeServer((req, res) => {
      res.statusCode = req.url === '/ok' ? 200 : 403;
      res.end(module);
    });
    const address = server.origin.replace('http://', 'http://us%40er:SEC%2FRET@');
    const options = { headers: { 'X-Api-Key': 'SECRET', Authorization: 'SECRET' } };
    await reader(options).read(`${address}/ok`);
    const basic = `Basic ${Buffer.from('us@er:SEC/RET').toString('base64')}`;
    expect(server.requests[0]!.headers).toMatchObject({
      authorization: basic,
      'x-api-key': 'SECRET',
    });
    await reader({ credentials: { token: 't0ken' } }).read(`${server.origin}/ok`);
    expect(server.requests[1]!.headers.authorization).toBe('Bearer t0ken');
    const refusal = await refusalOf(reader(options).read(`${address}/no?sig=SECRET`));
    expect(refusal).toEqual({
      code: 'PW_ERR_CODE_REFUSED',
      message:
        `${server.origin}/no?… could not be fetched: the server answered 403; ` +
        'codeSource.credentials or codeSource.headers may be missing or wrong',
    });
  });

  it('is asked of another origin, by the URL’s own host', async () => {
    const server = await codeServer((_req, res) => res.end(module));
    const { read } = reader({ origin: server.origin });
    await read('https://code.test:8443/filter.wasm?v=1', sha256);
    expect(server.requests[0]).toMatchObject({
      url: '/filter.wasm?v=1',
      headers: { host: 'code.test:8443' },
    });
    await server.close();
    const { message } = await refusalOf(read('https://code.test:8443/filter.wasm?v=1', sha256));
    expect(message).toContain(`from code.test:8443 at ${server.origin}: connect ECONNREFUSED`);
  });

  it('is fetched once for all who ask at the same time, and again for who asks otherwise', async () => {
    const server = await codeServer((_req, res) => setTimeout(() => res.end(module), 20));
    const url = `${server.origin}/filter.wasm`;
    const { read } = reader();
    const all = await Promise.all([read(url, sha256), read(url, sha256), read(url, sha256)]);
    expect(new Set(all).size).toBe(1);
    expect(server.requests).toHaveLength(1);
    await Promise.all([read(url), reader({ credentials: { token: 't' } }).read(url)]);
    expect(server.requests).toHaveLength(3);
  });
});

describe('a server that can not be reached', () => {
  it('is told with its reason and the attempts', async () => {
    const server = await codeServer((_req, res) => res.end());
    await server.close();
    const { code, message } = await refusalOf(
      reader({ retries: 2 }).read(`${server.origin}/filter.wasm`),
    );
    expect(code).toBe('PW_ERR_CODE_FETCH');
    expect(message).toBe(
      `${server.origin}/filter.wasm could not be fetched from ${server.host}: ` +
        `connect ECONNREFUSED ${server.host} (3 attempts)`,
    );
  });

  it('is told of each address, where a name has several', async () => {
    const server = await codeServer((_req, res) => res.end());
    await server.close();
    const { port } = new URL(server.origin);
    const { message } = await refusalOf(reader().read(`http://localhost:${port}/filter.wasm`));
    expect(message).toContain(`connect ECONNREFUSED 127.0.0.1:${port}`);
  });

  it('is told to have a certificate that nobody trusts', async () => {
    const server = await codeServer((_req, res) => res.end(module), { secure: true });
    const { code, message } = await refusalOf(reader({ tls: {} }).read(`${server.origin}/f.wasm`));
    expect(code).toBe('PW_ERR_CODE_FETCH');
    expect(message).toMatch(/certificate.*; codeSource\.tls says which certificates are trusted$/);
    const trusting = reader({ tls: { rejectUnauthorized: false } });
    expect((await trusting.read(`${server.origin}/f.wasm`)).sha256).toBe(sha256);
  });

  it('is told to speak no TLS', async () => {
    const server = await codeServer((_req, res) => res.end(module));
    const { message } = await refusalOf(
      reader().read(`https://localhost:${new URL(server.origin).port}/filter.wasm`),
    );
    expect(message).toContain('; it does not speak TLS there');
  });
});

describe('an attempt that fails', () => {
  it.each([500, 503, 429])('with %i is made again', async (status) => {
    const server = await codeServer((_req, res, index) => {
      res.statusCode = index < 2 ? status : 200;
      res.end(module);
    });
    const { read } = reader({ retries: 2 });
    expect((await read(`${server.origin}/filter.wasm`, sha256)).sha256).toBe(sha256);
    expect(server.requests).toHaveLength(3);
  });

  it('is made again once, if nothing is said of it', async () => {
    const server = await codeServer((_req, res) => {
      res.statusCode = 502;
      res.end();
    });
    const { code, message } = await refusalOf(reader().read(`${server.origin}/filter.wasm`));
    expect(code).toBe('PW_ERR_CODE_FETCH');
    expect(message).toContain('the server answered 502, 2 attempts');
    expect(server.requests).toHaveLength(2);
  });

  it.each([
    [400, 'PW_ERR_CODE_FETCH'],
    [401, 'PW_ERR_CODE_REFUSED'],
    [403, 'PW_ERR_CODE_REFUSED'],
    [404, 'PW_ERR_CODE_NOT_FOUND'],
    [410, 'PW_ERR_CODE_NOT_FOUND'],
    [204, 'PW_ERR_CODE_FETCH'],
  ])('with %i is not made again', async (status, code) => {
    const server = await codeServer((_req, res) => {
      res.statusCode = status;
      res.end();
    });
    const refusal = await refusalOf(reader({ retries: 5 }).read(`${server.origin}/filter.wasm`));
    expect(refusal.code).toBe(code);
    expect(refusal.message).toContain(`the server answered ${String(status)}`);
    expect(server.requests).toHaveLength(1);
  });

  it('waits as the server asks, unless that is too long', async () => {
    const times: number[] = [];
    const server = await codeServer((req, res, index) => {
      times.push(performance.now());
      const wait = req.url === '/soon' ? '1' : '3600';
      if (index === 0 || req.url !== '/soon') res.writeHead(429, { 'retry-after': wait });
      res.end(module);
    });
    const { read } = reader({ retryBackoff: { baseIntervalMs: 1, maxIntervalMs: 2000 } });
    await read(`${server.origin}/soon`, sha256);
    expect(times[1]! - times[0]!).toBeGreaterThanOrEqual(990);
    const { message } = await refusalOf(read(`${server.origin}/late`, sha256));
    expect(message).toContain('the server answered 429, it asks to wait 3600 s');
    expect(times).toHaveLength(3);
  });

  it('ends after its time, and says so', async () => {
    const server = await codeServer((_req, res) => {
      res.writeHead(200, { 'content-length': module.length });
      res.write(module.subarray(0, 4));
    });
    const { code, message } = await refusalOf(
      reader({ timeoutMs: 500 }).read(`${server.origin}/filter.wasm`),
    );
    expect(code).toBe('PW_ERR_CODE_FETCH');
    expect(message).toContain('it did not come whole within 500 ms (codeSource.timeoutMs)');
    expect(server.requests).toHaveLength(2);
  });

  it('is one that is cut off, in the head or in the body', async () => {
    const cut = createTcpServer((socket) => {
      socket.on('error', () => undefined);
      socket.once('data', (head: Buffer) => {
        if (head.includes('/body')) socket.write('HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nx');
        socket.end();
      });
    });
    const { port, close } = await listen(cut);
    const { read } = reader();
    for (const path of ['/head', '/body']) {
      const refusal = await refusalOf(read(`http://127.0.0.1:${String(port)}${path}`));
      expect(refusal.code).toBe('PW_ERR_CODE_FETCH');
      expect(refusal.message).toMatch(/other side closed|terminated|aborted/);
      expect(refusal.message).toContain('(2 attempts)');
    }
    await close();
  });
});

describe('a body', () => {
  it('that says to be too large is not read', async () => {
    const server = await codeServer((_req, res) => {
      res.writeHead(200, { 'content-length': 1001 });
      res.write('x');
    });
    const refusal = await refusalOf(reader({ maxBytes: 1000 }).read(`${server.origin}/f.wasm`));
    expect(refusal).toEqual({
      code: 'PW_ERR_CODE_TOO_LARGE',
      message:
        `${server.origin}/f.wasm has 1001 bytes, and codeSource.maxBytes allows 1000 bytes; raise ` +
        'it if this is what you want',
    });
    expect(server.requests).toHaveLength(1);
  });

  it('that does not say so is read so far', async () => {
    const server = await codeServer((_req, res) => {
      const writing = setInterval(() => res.write(Buffer.alloc(10_000)), 1);
      res.once('close', () => {
        clearInterval(writing);
      });
    });
    const refusal = await refusalOf(reader({ maxBytes: 20_000 }).read(`${server.origin}/f.wasm`));
    expect(refusal.code).toBe('PW_ERR_CODE_TOO_LARGE');
    expect(refusal.message).toContain('has more, and codeSource.maxBytes allows 20000 bytes');
  });

  it('that is encoded all the same is refused', async () => {
    const server = await codeServer((_req, res) => {
      res.writeHead(200, { 'content-encoding': 'gzip' });
      res.end(module);
    });
    const { message } = await refusalOf(reader().read(`${server.origin}/f.wasm`));
    expect(message).toContain('came encoded, though identity was asked for');
  });
});

describe('a redirect', () => {
  const SECRETS = { headers: { 'x-api-key': 'SECRET' }, credentials: { token: 'SECRET' } };

  it('to another host is followed, without anything that is the first one’s', async () => {
    const other = await codeServer((_req, res) => res.end(module));
    const server = await codeServer((req, res) => {
      if (req.url === '/moved') res.writeHead(307, { location: `${other.origin}/b?sig=SECRET` });
      else res.writeHead(302, { location: '/moved' });
      res.end();
    });
    const { read } = reader(SECRETS);
    expect((await read(`${server.origin}/a`, sha256)).sha256).toBe(sha256);
    for (const { headers } of server.requests) {
      expect(headers).toMatchObject({ 'x-api-key': 'SECRET', authorization: 'Bearer SECRET' });
    }
    expect(server.requests.map(({ url }) => url)).toEqual(['/a', '/moved']);
    expect(other.requests).toHaveLength(1);
    expect(JSON.stringify(other.requests[0]!.headers)).not.toContain('SECRET');
  });

  it('to a host that wants credentials is told of, with where it led', async () => {
    const other = await codeServer((_req, res) => {
      res.statusCode = 401;
      res.end();
    });
    const server = await codeServer((_req, res) => {
      res.writeHead(301, { location: `${other.origin.replace('//', '//u:SECRET@')}/b?sig=SECRET` });
      res.end();
    });
    const refusal = await refusalOf(reader(SECRETS).read(`${server.origin}/a`));
    expect(refusal).toEqual({
      code: 'PW_ERR_CODE_REFUSED',
      message:
        `${server.origin}/a could not be fetched: the server answered 401, after a redirect to ` +
        `${other.origin}/b?…; credentials are not sent to where a server redirects: give the URL ` +
        'where the module is',
    });
  });

  it('from https: to http: is not followed; from http: to https: it is', async () => {
    const plain = await codeServer((_req, res) => res.end(module));
    const secure = await codeServer(
      (req, res) => {
        if (req.url === '/down') res.writeHead(302, { location: `${plain.origin}/b?sig=SECRET` });
        res.end(module);
      },
      { secure: true },
    );
    const up = await codeServer((_req, res) => {
      res.writeHead(302, { location: `${secure.origin}/b` });
      res.end();
    });
    const { read } = reader();
    const { code, message } = await refusalOf(read(`${secure.origin}/down`));
    expect(code).toBe('PW_ERR_CODE_REDIRECT');
    expect(message).toContain(`${secure.origin}/down redirects to ${plain.origin}, without TLS`);
    expect(plain.requests).toEqual([]);
    expect((await read(`${up.origin}/a`, sha256)).sha256).toBe(sha256);
  });

  it('is trusted for the same authorities, and for nothing that was said of the first host', async () => {
    const secure = await codeServer((_req, res) => res.end(module), { secure: true });
    const server = await codeServer((_req, res) => {
      res.writeHead(302, { location: `${secure.origin}/b` });
      res.end();
    });
    const lax = reader({ tls: { rejectUnauthorized: false } });
    const { code } = await refusalOf(lax.read(`${server.origin}/a`));
    expect(code).toBe('PW_ERR_CODE_FETCH');
    const strict = reader({ tls: { ca: tls.cert, servername: 'only.for.the.first' } });
    expect((await strict.read(`${server.origin}/a`)).sha256).toBe(sha256);
  });

  it('to another origin is followed without the client’s certificate', async () => {
    const known: (string | undefined)[] = [];
    const answering = async (answer: RequestListener): Promise<string> => {
      const options = { ...tls, ca: tls.cert, requestCert: true, rejectUnauthorized: false };
      const server = createHttpsServer(options, (req, res) => {
        known.push((req.socket as TLSSocket).getPeerCertificate().fingerprint256);
        answer(req, res);
      });
      const { port, close } = await listen(server);
      afterTest(close);
      return `https://127.0.0.1:${String(port)}`;
    };
    const other = await answering((_req, res) => res.end(module));
    const source = await answering((req, res) => {
      res.writeHead(302, { location: req.url === '/a' ? '/b' : `${other}/c` }).end();
    });
    const { read } = reader({ tls: { ca: tls.cert, cert: tls.cert, key: tls.key } });
    expect((await read(`${source}/a`, sha256)).sha256).toBe(sha256);
    const { fingerprint256 } = new X509Certificate(tls.cert);
    expect(known).toEqual([fingerprint256, fingerprint256, undefined]);
  });

  it.each([
    ['elsewhere', 'file:///etc/passwd', 'which is no HTTP URL'],
    ['to nothing', 'http://', 'redirects to what is no URL'],
  ])('%s is refused', async (_where, location, message) => {
    const server = await codeServer((_req, res) => {
      res.writeHead(302, { location });
      res.end();
    });
    const refusal = await refusalOf(reader().read(`${server.origin}/a`));
    expect(refusal.code).toBe('PW_ERR_CODE_REDIRECT');
    expect(refusal.message).toContain(message);
  });

  it('without an end is followed five times', async () => {
    const server = await codeServer((_req, res, index) => {
      res.writeHead(302, { location: `/${String(index)}` });
      res.end();
    });
    const { code, message } = await refusalOf(reader().read(`${server.origin}/a`));
    expect(code).toBe('PW_ERR_CODE_REDIRECT');
    expect(message).toContain('is redirected more than 5 times');
    expect(server.requests).toHaveLength(6);
  });

  it('without a place is no redirect', async () => {
    const server = await codeServer((_req, res) => {
      res.writeHead(302);
      res.end();
    });
    const { code, message } = await refusalOf(reader().read(`${server.origin}/a`));
    expect(code).toBe('PW_ERR_CODE_FETCH');
    expect(message).toContain('the server answered 302');
  });
});
