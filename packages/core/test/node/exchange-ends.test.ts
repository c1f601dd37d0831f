import { afterEach, describe, expect, it } from 'vitest';

import type { CallbackName } from '../../../conformance/src/guests/wat-guest.js';
import {
  eventually,
  filteredServer,
  rawClient,
  sleep,
  type App,
  type FilteredServer,
} from '../support/node-server.js';

const LAST: readonly CallbackName[] = ['proxy_on_log', 'proxy_on_done', 'proxy_on_delete'];
const last = Object.fromEntries(LAST.map((name) => [name, [{ log: name.slice(9) }]]));
const BODIES = { proxy_on_request_body: [{ return: 0 }], proxy_on_response_body: [{ return: 0 }] };
const HOLD_REQUEST_BODY = { proxy_on_request_body: [{ beforeEnd: [{ return: 1 }] }] };
const HOLD_RESPONSE_BODY = { proxy_on_response_body: [{ return: 1 }] };
const DENY_AT_END = {
  proxy_on_request_body: [
    { beforeEnd: [{ return: 1 }] },
    { localResponse: { status: 403, body: 'denied' } },
  ],
};

let running: FilteredServer;
afterEach(async () => {
  await running.close();
});

async function start(callbacks: object, app: App): Promise<FilteredServer> {
  running = await filteredServer([{ callbacks: { ...last, ...callbacks } }], app);
  return running;
}

/** One log, one done, one delete, whatever happened; and no stream is left. */
async function expectOneEnd(): Promise<void> {
  await eventually(() => running.logs.includes('delete'));
  expect(running.logs).toEqual(['log', 'done', 'delete']);
  expect(running.streams()).toBe(0);
}

describe('an exchange ends once', () => {
  it('when the client goes while it sends the body', async () => {
    const { port } = await start(BODIES, (req) => void req.resume());
    const client = await rawClient(port);
    client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 100000\r\n\r\nabc');
    await sleep(20);
    client.socket.destroy();
    await expectOneEnd();
  });

  it('when the client goes while a filter holds the request', async () => {
    const { port } = await start({ proxy_on_request_headers: [{ return: 1 }] }, () => undefined);
    const client = await rawClient(port);
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await sleep(20);
    client.socket.destroy();
    await expectOneEnd();
  });

  it('when the client goes while the app waits for the rest of its body', async () => {
    let called = false;
    const { port } = await start(BODIES, () => (called = true));
    const client = await rawClient(port);
    client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc');
    await sleep(20);
    client.socket.destroy();
    await expectOneEnd();
    expect(called).toBe(false);
  });

  it('when the client goes while a filter holds the response', async () => {
    const { port } = await start(HOLD_RESPONSE_BODY, (_req, res) => {
      res.write('abc');
    });
    const client = await rawClient(port);
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await sleep(20);
    client.socket.destroy();
    await expectOneEnd();
  });

  it('when the app destroys the response', async () => {
    const { port } = await start(BODIES, (_req, res) => {
      res.write('abc');
      res.destroy();
    });
    const client = await rawClient(port);
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await expectOneEnd();
  });

  it('when a filter answers while the app waits for the body', async () => {
    const ends: string[] = [];
    const { port } = await start(DENY_AT_END, (req, res) => {
      for (const name of ['end', 'close', 'error', 'aborted']) req.on(name, () => ends.push(name));
      req.resume();
      res.on('close', () => ends.push('response'));
    });
    const client = await rawClient(port);
    client.socket.write(
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n',
    );
    await client.until(/denied$/);
    await expectOneEnd();
    await eventually(() => ends.length >= 2);
    await sleep(10);
    expect(ends).toEqual(['response', 'close']);
    client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc');
    await client.until(/denied.*denied$/s);
  });

  it('when an app that answered early has read the rest', async () => {
    let read = 0;
    const { port, logs } = await start(BODIES, (req, res) => {
      req.on('data', (chunk: Buffer) => (read += chunk.length));
      res.end('early');
    });
    const client = await rawClient(port);
    client.socket.write(
      'POST / HTTP/1.1\r\nhost: a\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n',
    );
    await client.until(/early/);
    await sleep(20);
    expect(logs).toEqual([]);
    client.socket.write('3\r\ndef\r\n0\r\n\r\n');
    await expectOneEnd();
    expect(read).toBe(6);
  });

  it('for each of many requests that are pipelined', async () => {
    const { port, logs } = await start({ ...BODIES, ...HOLD_REQUEST_BODY }, (req, res) => {
      let body = '';
      req.on('data', (chunk: Buffer) => (body += chunk.toString()));
      req.on('end', () => {
        setTimeout(() => res.end(`<${req.url ?? ''}${body}>`), 5);
      });
    });
    const client = await rawClient(port);
    const requests = ['/1', '/2', '/3'].map(
      (path) => `POST ${path} HTTP/1.1\r\nhost: a\r\ncontent-length: 3\r\n\r\nabc`,
    );
    client.socket.write(requests.join(''));
    const text = await client.until(/<\/3abc>/);
    expect(text.match(/<[^>]*>/g)).toEqual(['</1abc>', '</2abc>', '</3abc>']);
    await eventually(() => logs.filter((line) => line === 'delete').length === 3);
    expect(running.streams()).toBe(0);
  });
});

describe('an app', () => {
  it('gets a request whose body is slow to come, and may answer before it has', async () => {
    const { port } = await start(BODIES, (req, res) => {
      res.end(`early ${req.headers['content-length'] ?? 'none'}`);
    });
    const client = await rawClient(port);
    client.socket.write('POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 10\r\n\r\nabc');
    await client.until(/early none/);
    client.socket.write('defghijGET / HTTP/1.1\r\nhost: a\r\n\r\n');
    await client.until(/early none[^]*early none/);
  });
});
