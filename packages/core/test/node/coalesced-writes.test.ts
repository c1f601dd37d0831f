/** Responses that end in the same turn of the event loop. @see src/node/coalesced-writes.ts */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type RequestListener, type Server, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect as connectSecurely } from 'node:tls';
import { fileURLToPath } from 'node:url';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { tls } from '../../../conformance/src/tls/index.js';
import { wasmFilter, type WasmFilterOptions } from '../../src/node/index.js';
import { rawClient, type RawClient } from '../support/node-server.js';

const REQUEST = 'GET / HTTP/1.1\r\nhost: a\r\n\r\n';
const SOURCES = fileURLToPath(new URL('../../../../scripts/sources/register.mjs', import.meta.url));
const PROGRAM = fileURLToPath(new URL('coalesced-writes.child.ts', import.meta.url));

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

interface Turn {
  readonly clients: RawClient[];
  readonly responses: ServerResponse[];
}

async function start(
  options: WasmFilterOptions = {},
  create: (listener: RequestListener) => Server = createServer,
): Promise<{ port: number; waiting: ServerResponse[]; arrived(count: number): Promise<void> }> {
  const code = await guest({ callbacks: { proxy_on_response_body: [], proxy_on_log: [] } });
  const filter = wasmFilter({ name: 'guest', code }, options);
  await filter.ready();
  const waiting: ServerResponse[] = [];
  const server = create((req, res) => {
    filter(req, res, () => {
      waiting.push(res);
      server.emit('waits');
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  closers.push(
    () => filter.close(),
    () => {
      server.closeAllConnections();
      server.close();
    },
  );
  return {
    port: (server.address() as AddressInfo).port,
    waiting,
    async arrived(count) {
      while (waiting.length < count) await once(server, 'waits');
    },
  };
}

/** Requests of as many clients, which the app has and has not answered yet. */
async function requests(count: number, options?: WasmFilterOptions): Promise<Turn> {
  const { port, waiting, arrived } = await start(options);
  const clients = await Promise.all(Array.from({ length: count }, () => rawClient(port)));
  closers.push(() => clients.forEach(({ socket }) => socket.destroy()));
  for (const { socket } of clients) socket.write(REQUEST);
  await arrived(count);
  return { clients, responses: waiting };
}

/** Bytes that are in the process still. */
function unsent(responses: readonly ServerResponse[]): boolean[] {
  return responses.map(({ socket }) => socket !== null && socket.writableLength > 0);
}

type Handle = Record<
  'writev' | 'writeUtf8String' | 'writeLatin1String',
  (...values: never) => number
>;

/** The calls by which a response's connection gives Node's C++ what to write. */
function spyOnWrites({ socket }: ServerResponse): string[] {
  const { _handle: handle } = socket as unknown as { _handle: Handle };
  const calls: string[] = [];
  for (const name of ['writev', 'writeUtf8String', 'writeLatin1String'] as const) {
    const native = handle[name].bind(handle);
    handle[name] = (...values) => {
      calls.push(name);
      return native(...values);
    };
  }
  return calls;
}

const WHOLE = /^HTTP\/1.1 200 OK\r\n(.+\r\n)*content-length: 5\r\n(.+\r\n)*\r\nhello$/i;

async function expectWhole(clients: readonly RawClient[]): Promise<void> {
  for (const client of clients) await client.until(WHOLE);
}

describe('responses that end in one turn of the event loop', () => {
  it('leave together, but for the first, which leaves at once', async () => {
    const { clients, responses } = await requests(4);
    const finished = Promise.all(responses.map((res) => once(res, 'finish')));
    for (const res of responses) res.end('hello');
    expect(unsent(responses)).toEqual([false, true, true, true]);
    expect(responses.map((res) => res.writableEnded)).toEqual([true, true, true, true]);
    expect(responses.map((res) => res.headersSent)).toEqual([true, true, true, true]);
    await finished;
    expect(unsent(responses)).toEqual([false, false, false, false]);
    await expectWhole(clients);
  });

  it('leave each at once where that is asked for', async () => {
    const { clients, responses } = await requests(4, { coalesceWrites: false });
    for (const res of responses) res.end('hello');
    expect(unsent(responses)).toEqual([false, false, false, false]);
    await expectWhole(clients);
  });

  it('are whole on connections that are destroyed in that turn', async () => {
    const { clients, responses } = await requests(3);
    for (const res of responses) {
      const { socket } = res;
      res.end('hello');
      socket?.destroy();
    }
    await expectWhole(clients);
  });

  it('are whole where their server closes all connections in that turn', async () => {
    const { clients, responses } = await requests(3);
    const sockets = responses.map(({ socket }) => socket);
    for (const res of responses) res.end('hello');
    for (const socket of sockets) socket?.end();
    await expectWhole(clients);
    for (const { socket } of clients) if (!socket.closed) await once(socket, 'close');
  });

  it('leave though an app corks what follows, which stays corked as without', async () => {
    const corks = [];
    for (const coalesceWrites of [true, false]) {
      const { clients, responses } = await requests(3, { coalesceWrites });
      const sockets = responses.map(({ socket }) => socket);
      for (const res of responses) {
        res.end('hello');
        res.cork();
        res.cork();
      }
      await expectWhole(clients);
      corks.push(sockets.map((socket) => socket?.writableCorked));
    }
    expect(corks[0]).toEqual(corks[1]);
  });

  it('do not wait for the next request once a moment has gone by', async () => {
    const { clients, responses } = await requests(3);
    for (const res of responses) res.end('hello');
    expect(unsent(responses)).toEqual([false, true, true]);
    const { noteRequest } = await import('../../src/node/coalesced-writes.js');
    noteRequest(performance.now() + 0.1);
    noteRequest(performance.now() + 5);
    expect(unsent(responses)).toEqual([false, false, false]);
    await expectWhole(clients);
  });

  it('leave with the clock and the timers of a test in place of Node’s', async () => {
    const { clients, responses } = await requests(3);
    closers.push(() => vi.useRealTimers());
    vi.useFakeTimers({ toFake: ['setImmediate'] });
    for (const res of responses) res.end('hello');
    await expectWhole(clients);
  });

  it('keep their order on one connection', async () => {
    const { port, waiting, arrived } = await start();
    const client = await rawClient(port);
    closers.push(() => client.socket.destroy());
    client.socket.write(REQUEST.repeat(3));
    await arrived(3);
    for (const [index, res] of [...waiting.entries()].reverse()) res.end(`answer ${index}`);
    const text = await client.until(/answer 2/);
    expect(text.match(/answer \d/g)).toEqual(['answer 0', 'answer 1', 'answer 2']);
  });

  it('may be streamed before their end', async () => {
    const { clients, responses } = await requests(3);
    for (const res of responses) {
      res.setHeader('content-length', 5);
      res.write('he');
    }
    for (const res of responses) res.end('llo');
    await expectWhole(clients);
  });

  it('reach the system as one piece where they are one, else as what they are', async () => {
    const { clients, responses } = await requests(3);
    const calls = responses.map(spyOnWrites);
    const [text, bytes, streamed] = responses;
    text?.end('hello');
    bytes?.end(Buffer.from('hello'));
    streamed?.setHeader('content-length', 5);
    streamed?.write('he');
    streamed?.end('llo');
    await expectWhole(clients);
    expect(calls).toEqual([['writeUtf8String'], ['writev'], ['writev']]);
  });

  it('leave it to others how a socket of theirs writes several pieces', async () => {
    const { clients, responses } = await requests(2);
    const pieces: number[] = [];
    for (const { socket } of responses) {
      if (socket === null) throw new Error('no socket');
      const writev = socket._writev?.bind(socket);
      socket._writev = (chunks, callback) => {
        pieces.push(chunks.length);
        writev?.(chunks, callback);
      };
    }
    for (const res of responses) res.end(Buffer.from('hello'));
    await expectWhole(clients);
    expect(pieces).toHaveLength(2);
  });

  it('leave over TLS too', async () => {
    const { key, cert } = tls;
    const { port, waiting, arrived } = await start({}, (listener) =>
      createSecureServer({ key, cert }, listener),
    );
    const sockets = [1, 2, 3].map(() =>
      connectSecurely({ port, host: '127.0.0.1', rejectUnauthorized: false }),
    );
    closers.push(() => sockets.forEach((socket) => socket.destroy()));
    const texts = sockets.map(async (socket) => {
      let text = '';
      for await (const chunk of socket.setEncoding('latin1')) {
        text += String(chunk);
        if (WHOLE.test(text)) return text;
      }
      throw new Error(`closed after ${JSON.stringify(text)}`);
    });
    for (const socket of sockets) socket.write(REQUEST);
    await arrived(3);
    for (const res of waiting) res.end('hello');
    expect(await Promise.all(texts)).toHaveLength(3);
  });

  it('leave a socket alone whose way of writing is another’s', async () => {
    const { clients, responses } = await requests(3);
    const uncorked = new Set<number>();
    for (const [index, { socket }] of responses.entries()) {
      if (socket === null) throw new Error('no socket');
      const uncork = socket.uncork.bind(socket);
      socket.uncork = () => {
        uncorked.add(index);
        uncork();
      };
    }
    for (const res of responses) res.end('hello');
    expect([...uncorked]).toEqual([0, 1, 2]);
    expect(unsent(responses)).toEqual([false, false, false]);
    await expectWhole(clients);
  });

  it('leave a socket alone whose way of ending is another’s', async () => {
    const { clients, responses } = await requests(3);
    const destroyed = new Set<number>();
    const sockets = responses.map(({ socket }) => socket);
    for (const [index, socket] of sockets.entries()) {
      if (socket === null) throw new Error('no socket');
      const destroy = socket.destroy.bind(socket);
      socket.destroy = (error) => {
        destroyed.add(index);
        return destroy(error);
      };
    }
    for (const res of responses) res.end('hello');
    expect(unsent(responses)).toEqual([false, false, false]);
    for (const socket of sockets) socket?.destroy();
    expect([...destroyed]).toEqual([0, 1, 2]);
    await expectWhole(clients);
  });
});

it('leaves nothing behind in a process that exits in the same turn', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-wasm-node-exit-'));
  closers.push(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 'filter.wasm');
  writeFileSync(path, await guest({ callbacks: { proxy_on_response_body: [] } }));
  const child = spawn(process.execPath, ['--import', SOURCES, PROGRAM, path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = (await once(child.stdout.setEncoding('utf8'), 'data')) as [string];
  const clients = await Promise.all([1, 2, 3].map(() => rawClient(Number(line))));
  for (const { socket } of clients) socket.write(REQUEST);
  for (const client of clients) await client.until(/\r\n\r\nbye$/);
});
