import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { createServer as createTcpServer } from 'node:net';

import { describe, expect, it, onTestFinished } from 'vitest';

import {
  ask,
  cluster,
  everything,
  freePort,
  httpYaml,
  portOf,
  serveYaml,
  talk,
  upstream,
  wasmFilter,
} from './serve-yaml.js';

const RESET = 'upstream connect error or disconnect/reset before headers. reset reason: ';

/** Everything goes to one cluster. */
function proxyTo(ports: readonly number[], route = '', filters: string[] = []): string {
  const action = everything(`route: { cluster: app${route} }`);
  return httpYaml({ routes: action, clusters: [cluster('app', ports)], filters });
}

describe('an upstream that answers', () => {
  it('gets method, path, headers and body, and its answer passes with trailers', async () => {
    const app = await upstream((req, res) => {
      let body = '';
      req.setEncoding('utf8').on('data', (piece: string) => (body += piece));
      req.on('end', () => {
        res.writeHead(201, 'Made', { 'set-cookie': ['a=1', 'b=2'], trailer: 'x-sum' });
        res.write(`${req.method ?? ''} ${req.url ?? ''} ${body}`);
        res.addTrailers({ 'x-sum': String(body.length) });
        res.end();
      });
    });
    const { port } = await serveYaml(proxyTo([portOf(app)], '', [wasmFilter('headers')]));
    const answer = await ask(port, { method: 'PUT', path: '/p?q=1', body: 'hello' });
    expect(answer).toMatchObject({ status: 201, body: 'PUT /p?q=1 hello' });
    expect(answer.headers['set-cookie']).toEqual(['a=1', 'b=2']);
    expect(answer.headers['x-wasm-custom']).toBe('FOO');
    expect(answer.trailers).toEqual({ 'x-sum': '5' });
  });

  it('may answer without a body, or with an empty one', async () => {
    const app = await upstream((req, res) => {
      if (req.url === '/204') res.writeHead(204).end();
      else res.writeHead(200, { 'content-length': req.method === 'HEAD' ? 5 : 0 }).end();
    });
    const { port } = await serveYaml(proxyTo([portOf(app)]));
    expect(await ask(port, { path: '/204' })).toMatchObject({ status: 204, body: '' });
    expect((await ask(port)).headers['content-length']).toBe('0');
    expect((await ask(port, { method: 'HEAD' })).headers['content-length']).toBe('5');
  });

  it('gets large bodies and sends them, piece by piece', async () => {
    const app = await upstream((req, res) => req.pipe(res));
    const { port } = await serveYaml(proxyTo([portOf(app)]));
    const body = 'abcdefghij'.repeat(400_000);
    const answer = await ask(port, { method: 'POST', body });
    expect(answer.body === body).toBe(true);
    expect(answer.status).toBe(200);
  });

  it('is asked in turns where there are several', async () => {
    const app = (name: string) => upstream((_req, res) => res.end(name));
    const ports = [await app('a'), await app('b'), await app('c')].map(portOf);
    const { port } = await serveYaml(proxyTo(ports));
    const answers: string[] = [];
    for (let count = 6; count > 0; count -= 1) answers.push((await ask(port)).body);
    expect(answers).toEqual(['a', 'b', 'c', 'a', 'b', 'c']);
  });

  it.each(['STRICT_DNS', 'LOGICAL_DNS'])('is found by name with %s', async (type) => {
    const app = await upstream((req, res) => res.end(req.headers.host));
    const byName = cluster('app', [portOf(app)])
      .replace('STATIC', type)
      .replace('address: 127.0.0.1', 'address: localhost');
    const { port } = await serveYaml(
      httpYaml({
        routes: everything('route: { cluster: app, auto_host_rewrite: true }'),
        clusters: [byName],
      }),
    );
    expect(await ask(port)).toMatchObject({ status: 200, body: 'localhost' });
  });

  it('goes on after a client that has asked to be told to continue', async () => {
    const app = await upstream((req, res) => req.pipe(res));
    const { port } = await serveYaml(proxyTo([portOf(app)], '', [wasmFilter('headers')]));
    const headers = { expect: '100-continue', 'content-length': '2' };
    const req = request({ host: '127.0.0.1', port, method: 'POST', headers, agent: false });
    req.flushHeaders();
    await once(req, 'continue');
    req.end('ok');
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    expect(res.statusCode).toBe(200);
    res.resume();
  });
});

describe('an upstream that does not answer', () => {
  it('is 503 where it refuses the connection, and its filters see that answer', async () => {
    const refused = await freePort();
    const { port } = await serveYaml(proxyTo([refused], '', [wasmFilter('headers')]));
    const answer = await ask(port, { method: 'POST', body: 'x'.repeat(100_000) });
    expect(answer).toMatchObject({
      status: 503,
      body: `${RESET}remote connection failure, transport failure reason: delayed connect error: Connection refused`,
    });
    expect(answer.headers['x-wasm-custom']).toBe('FOO');
  });

  it('is 503 where it closes the connection without a word', async () => {
    const app = await upstream((req) => req.socket.destroy());
    const { port } = await serveYaml(proxyTo([portOf(app)]));
    expect(await ask(port)).toMatchObject({ status: 503, body: `${RESET}connection termination` });
  });

  it('is 502 where it speaks no HTTP', async () => {
    const app = createTcpServer((socket) => {
      socket.on('data', () => socket.write('hello\r\n\r\n'));
    }).listen(0, '127.0.0.1');
    await once(app, 'listening');
    onTestFinished(() => void app.close());
    const { port } = await serveYaml(proxyTo([portOf(app)]));
    expect(await ask(port)).toMatchObject({ status: 502, body: `${RESET}protocol error` });
  });

  it('is 504 after the route’s timeout, and is told', async () => {
    let gone = false;
    const app = await upstream((_req, res) => res.on('close', () => (gone = true)));
    const { port } = await serveYaml(proxyTo([portOf(app)], ', timeout: 0.5s'));
    expect(await ask(port)).toMatchObject({ status: 504, body: 'upstream request timeout' });
    await expect.poll(() => gone).toBe(true);
  });

  it('is 504 where nothing moves, and 408 where it is the client that sends nothing', async () => {
    const app = await upstream((req) => req.resume());
    const { port } = await serveYaml(proxyTo([portOf(app)], ', timeout: 0s, idle_timeout: 0.05s'));
    const late = { status: 504, body: 'stream timeout' };
    expect(await ask(port)).toMatchObject(late);
    const text = await talk(
      port,
      'POST / HTTP/1.1\r\nhost: a\r\nconnection: close\r\ncontent-length: 9\r\n\r\na',
    );
    expect(text).toMatch(/^HTTP\/1\.1 408 /);
  });

  it('is cut off where its answer has begun and takes too long', async () => {
    const app = await upstream((_req, res) =>
      res.writeHead(200, { 'content-length': 9 }).write('a'),
    );
    const { port } = await serveYaml(proxyTo([portOf(app)], ', timeout: 1s'));
    const text = await talk(port, 'GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n[^]*\r\n\r\na?$/);
  });

  it('is told that its client has gone', async () => {
    let gone = false;
    const app = await upstream((_req, res) => res.on('close', () => (gone = true)).write('a'));
    const { port } = await serveYaml(proxyTo([portOf(app)]));
    const req = request({ host: '127.0.0.1', port, agent: false }).end();
    const [res] = (await once(req, 'response')) as [IncomingMessage];
    res.destroy();
    await expect.poll(() => gone).toBe(true);
  });

  it('is 503 where no name of the cluster can be resolved', async () => {
    const unknown = cluster('app', [80])
      .replace('STATIC', 'STRICT_DNS')
      .replace('address: 127.0.0.1', 'address: nowhere.invalid');
    const { port, lines } = await serveYaml(
      httpYaml({ routes: everything('route: { cluster: app }'), clusters: [unknown] }),
    );
    expect(await ask(port)).toMatchObject({ status: 503, body: 'no healthy upstream' });
    expect(lines.join()).toMatch(
      /^\[warning\]\[wasm\] cluster app: nowhere\.invalid could not be resolved \(E/,
    );
  });
});

it('reaches clusters by name from a filter', async () => {
  const auth = await upstream((req, res) => {
    res.writeHead(req.headers.authorization === 'yes' ? 200 : 403, { 'x-user': 'ann' }).end();
  });
  const { port } = await serveYaml(
    httpYaml({
      routes: everything('direct_response: { status: 200, body: { inline_string: in } }'),
      filters: [wasmFilter('ext-authz', '', '{"upstream": "auth"}')],
      clusters: [cluster('auth', [portOf(auth)])],
    }),
  );
  expect((await ask(port)).status).toBe(403);
  expect((await ask(port, { headers: { authorization: 'yes' } })).body).toBe('in');
});
