import type { IncomingMessage } from 'node:http';
import { connect as connectHttp2, createSecureServer, type ClientHttp2Session } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import type { Server, Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';

import { afterEach, describe, expect, it } from 'vitest';

import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { tls } from '../../../conformance/src/tls/index.js';
import {
  eventually,
  listen,
  pause,
  startFilters,
  type Filters,
  type Listening,
} from '../support/filter-server.js';
import { connectTo, exchange, http2ServerOf, type Http2App } from '../support/http2.js';

const REQUEST_HEADERS = 0;
const passes: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [
      { logHeader: [REQUEST_HEADERS, ':method'] },
      { add: [REQUEST_HEADERS, 'x-filter', 'seen'] },
    ],
    proxy_on_log: [{ log: 'over' }],
  },
};
const refuses: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [{ localResponse: { status: 403, body: 'no' } }],
    proxy_on_log: [{ log: 'over' }],
  },
};
const echo: Http2App = (req, res) => {
  let body = '';
  req.setEncoding('latin1');
  req.on('data', (text: string) => (body += text));
  req.on('end', () => {
    res.end(`${String(req.headers['x-filter'])} ${body}`);
  });
};

let filters: Filters;
let server: Server;
let listening: Listening;
let session: ClientHttp2Session | undefined;

async function start(scripts: readonly GuestScript[]): Promise<void> {
  filters = await startFilters(scripts);
  server = http2ServerOf(filters.filter, echo);
  await serve();
  session = connectTo(listening.port);
}

async function serve(): Promise<void> {
  listening = await listen(server);
  filters.filter.attach(server);
}

/** HTTP/2 and, where the client asks for it, HTTP/1. */
async function startSecure(scripts: readonly GuestScript[]): Promise<void> {
  filters = await startFilters(scripts);
  server = createSecureServer({ ...tls, allowHTTP1: true }, (req, res) => {
    filters.filter(req, res, () => {
      echo(req, res);
    });
  });
  await serve();
}

function connectSecure(protocols: string[]): TLSSocket {
  const socket = connectTls({
    port: listening.port,
    ca: tls.cert,
    servername: 'localhost',
    ALPNProtocols: protocols,
  });
  socket.setEncoding('latin1');
  return socket;
}

async function readUntil(socket: TLSSocket, pattern: RegExp): Promise<string> {
  let text = '';
  return new Promise((resolve, reject) => {
    socket.on('data', (chunk: string) => {
      text += chunk;
      if (pattern.test(text)) resolve(text);
    });
    socket.on('error', reject);
    socket.on('close', () => {
      reject(new Error(`closed after ${JSON.stringify(text)}`));
    });
  });
}

afterEach(async () => {
  session?.destroy();
  session = undefined;
  await listening.close();
  await eventually(() => filters.plugins.every(({ streams }) => streams === 0), 'no stream left');
  const { created, deleted } = await filters.close();
  expect(deleted).toBe(created);
});

const EXPECT = { ':method': 'POST', ':path': '/', expect: '100-continue' };

describe('attach, HTTP/2', () => {
  it('asks for the body when the filter has let the head pass, and runs it once', async () => {
    await start([passes]);
    const answer = await exchange(session!, EXPECT, (stream) => {
      stream.once('continue', () => stream.end('hello'));
    });
    expect(answer).toMatchObject({ status: 200, body: 'seen hello', informational: [100] });
    await eventually(() => filters.logs().includes('over'), 'on_log');
    expect(filters.logs()).toEqual(['POST', 'over']);
  });

  it('does not ask for the body of a request that the filter answers', async () => {
    await start([refuses]);
    const answer = await exchange(session!, EXPECT, (stream) => {
      stream.once('response', () => stream.end());
    });
    expect(answer).toMatchObject({ status: 403, body: 'no', informational: [] });
  });

  it('refuses CONNECT where nobody listens for it', async () => {
    await start([passes]);
    const connect = { ':method': 'CONNECT', ':authority': 'example.test:443' };
    const answer = await exchange(session!, connect, (stream) => stream.end());
    expect(answer.status).toBe(501);
    expect(answer.body).toMatch(/CONNECT is not supported/);
    expect(filters.logs()).toEqual([]);
  });

  it("lets CONNECT pass the filter before the app's listener has it", async () => {
    await start([passes]);
    server.on('connect', ((req, res) => {
      res.end(`tunnel ${String(req.headers['x-filter'])}`);
    }) as Http2App);
    await pause(1);
    const connect = { ':method': 'CONNECT', ':authority': 'example.test:443' };
    const answer = await exchange(session!, connect, (stream) => stream.end());
    expect(answer).toMatchObject({ status: 200, body: 'tunnel seen' });
    expect(filters.logs()[0]).toBe('CONNECT');
  });
});

describe('attach, a secure server for both protocols', () => {
  it('decides on Expect in both', async () => {
    await startSecure([passes]);
    session = connectHttp2(`https://localhost:${String(listening.port)}`, { ca: tls.cert });
    const answer = await exchange(session, EXPECT, (stream) => {
      stream.once('continue', () => stream.end('two'));
    });
    expect(answer).toMatchObject({ status: 200, body: 'seen two', informational: [100] });

    const socket = connectSecure(['http/1.1']);
    socket.write('POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n');
    await readUntil(socket, /100 Continue\r\n\r\n/);
    socket.write('one');
    await readUntil(socket, /seen one/);
    socket.destroy();
  });

  it('lets an upgrade over HTTP/1 pass, byte for byte', async () => {
    await startSecure([passes]);
    server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
      socket.write(`HTTP/1.1 101 Switching Protocols\r\n\r\n${String(req.headers['x-filter'])}:`);
      socket.write(head);
      socket.pipe(socket);
    });
    await pause(1);
    const socket = connectSecure(['http/1.1']);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\nabc');
    await readUntil(socket, /seen:abc$/);
    socket.destroy();
    await eventually(() => filters.logs().includes('over'), 'on_log');
  });

  it('and so on a server of node:https', async () => {
    filters = await startFilters([passes]);
    server = createHttpsServer(tls);
    server.on('upgrade', (req: IncomingMessage, socket: Socket) => {
      socket.end(`HTTP/1.1 101 Switching Protocols\r\n\r\n${String(req.headers['x-filter'])}`);
    });
    await serve();
    const socket = connectSecure(['http/1.1']);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    await readUntil(socket, /\r\n\r\nseen$/);
  });

  it('refuses one', async () => {
    await startSecure([refuses]);
    server.on('upgrade', (_req, socket: Socket) => socket.end('never'));
    await pause(1);
    const socket = connectSecure(['http/1.1']);
    socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: echo\r\n\r\n');
    expect(await readUntil(socket, /\r\n\r\nno$/)).toMatch(/^HTTP\/1.1 403 Forbidden\r\n/);
    await new Promise((resolve) => socket.once('close', resolve));
  });
});
