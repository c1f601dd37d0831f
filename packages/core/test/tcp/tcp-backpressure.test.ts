/** A slow side makes the other wait, and what is held meanwhile stays bounded. */
import type { Socket } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { serveTcp, startTcpFilters, TcpClient } from '../support/tcp-server.js';

const CHUNK = Buffer.alloc(64 * 1024, 'x');
/** What the sockets of one machine and Node's own buffers can hold, and then some. */
const LIMIT_BYTES = 24 * 1024 * 1024;
const TOTAL_BYTES = 96 * 1024 * 1024;

/** Writes as long as the socket takes more; answers how much it has taken so far. */
function flood(socket: Socket, totalBytes = TOTAL_BYTES): () => number {
  let sent = 0;
  const more = (): void => {
    while (sent < totalBytes) {
      sent += CHUNK.length;
      if (!socket.write(CHUNK)) return;
    }
    if (!socket.writableEnded) socket.end();
  };
  socket.on('drain', more);
  more();
  return () => sent;
}

/** Waits until a number has not changed for a while. */
async function settled(read: () => number): Promise<number> {
  let before = -1;
  await vi.waitFor(
    () => {
      const now = read();
      const isSame = now === before;
      before = now;
      expect(isSame && now > 0).toBe(true);
    },
    { timeout: 10_000, interval: 150 },
  );
  return before;
}

const SEES: readonly Operation[] = [{ return: 0 }];

describe('without a pause', () => {
  const script = { callbacks: { proxy_on_downstream_data: SEES, proxy_on_upstream_data: SEES } };

  it('an app that does not read makes the client wait', async () => {
    const { filter, plugins } = await startTcpFilters([script]);
    const app = await serveTcp(filter, (socket) => socket.pause());
    const client = new TcpClient(app.port);
    const sent = flood(client.socket);
    expect(await settled(sent)).toBeLessThan(LIMIT_BYTES);
    const server = app.sockets[0];
    expect(server?.readableLength).toBeLessThanOrEqual(4 * CHUNK.length);
    let read = 0;
    server?.on('data', (chunk: Buffer) => (read += chunk.length));
    server?.on('end', () => server.end());
    server?.resume();
    await client.closed;
    expect(read).toBe(TOTAL_BYTES);
    await vi.waitFor(() => expect(plugins[0]?.streams).toBe(0));
  });

  it('a client that does not read makes the app wait', async () => {
    const { filter } = await startTcpFilters([script]);
    let sent = (): number => 0;
    const app = await serveTcp(filter, (socket) => {
      sent = flood(socket);
    });
    const client = new TcpClient(app.port);
    client.socket.removeAllListeners('data');
    client.socket.pause();
    expect(await settled(() => sent())).toBeLessThan(LIMIT_BYTES);
    let read = 0;
    client.socket.on('data', (chunk: Buffer) => (read += chunk.length));
    client.socket.resume();
    await vi.waitFor(() => expect(read).toBe(TOTAL_BYTES), 15_000);
    client.end();
    await client.closed;
  });
});

describe('a filter that pauses', () => {
  const limits = { bufferedBodyBytes: 256 * 1024 };
  const pausing = (
    callback: 'proxy_on_downstream_data' | 'proxy_on_upstream_data',
    stream: number,
  ) => ({
    callbacks: {
      // Forgets what it holds when it resumes: nothing is passed on that could make a stream go on.
      [callback]: [
        { setBuffer: [stream, 0, 0, ''] as const },
        { beforeEnd: [{ return: 1 }] },
      ] as Operation[],
      proxy_on_tick: [{ effectiveContext: 2 }, { continueStream: stream }] as Operation[],
    },
    options: { limits },
  });

  it('holds what it may of the client’s bytes; the client waits and goes on when it resumes', async () => {
    const { filter, plugins } = await startTcpFilters([pausing('proxy_on_downstream_data', 2)]);
    let read = 0;
    const app = await serveTcp(filter, (socket) =>
      socket.on('data', (chunk: Buffer) => (read += chunk.length)),
    );
    const client = new TcpClient(app.port);
    const sent = flood(client.socket, 32 * 1024 * 1024);
    expect(await settled(sent)).toBeLessThan(LIMIT_BYTES);
    expect(read).toBe(0);
    await vi.waitFor(
      () => {
        plugins[0]?.context?.onTick();
        expect(read).toBe(32 * 1024 * 1024);
      },
      { timeout: 15_000, interval: 5 },
    );
  });

  it('holds what it may of the server’s bytes; the app waits and goes on when it resumes', async () => {
    const { filter, plugins } = await startTcpFilters([pausing('proxy_on_upstream_data', 3)]);
    let sent = (): number => 0;
    const app = await serveTcp(filter, (socket) => {
      sent = flood(socket, 32 * 1024 * 1024);
    });
    const client = new TcpClient(app.port);
    client.socket.removeAllListeners('data');
    let read = 0;
    client.socket.on('data', (chunk: Buffer) => (read += chunk.length));
    // Its limit, the chunk that went past it, and the one that waits.
    expect(await settled(() => sent())).toBeLessThanOrEqual(
      limits.bufferedBodyBytes + 3 * CHUNK.length,
    );
    expect(read).toBe(0);
    await vi.waitFor(
      () => {
        plugins[0]?.context?.onTick();
        expect(read).toBe(32 * 1024 * 1024);
      },
      { timeout: 15_000, interval: 5 },
    );
  });

  it('and drops what it holds lets the client send on', async () => {
    const { filter, plugins } = await startTcpFilters([
      {
        callbacks: {
          proxy_on_downstream_data: [{ return: 1 }],
          proxy_on_tick: [
            { effectiveContext: 2 },
            { setBuffer: [2, 0, 0x7fffffff, ''] },
            { continueStream: 2 },
          ],
        },
        options: { limits },
      },
    ]);
    const app = await serveTcp(filter);
    const client = new TcpClient(app.port);
    const sent = flood(client.socket, 32 * 1024 * 1024);
    await settled(sent);
    await vi.waitFor(
      () => {
        plugins[0]?.context?.onTick();
        expect(app.received()).toBe('|');
      },
      { timeout: 15_000, interval: 5 },
    );
  });
});
