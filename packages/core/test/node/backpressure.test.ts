import { once } from 'node:events';

import { afterEach, describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import {
  eventually,
  filteredServer,
  rawClient,
  sleep,
  type FilteredServer,
} from '../support/node-server.js';

const PASS: readonly Operation[] = [{ return: 0 }];
/** StopIterationAndWatermark. */
const HOLD: readonly Operation[] = [{ return: 2 }];
const REQUEST = 0;
const RESPONSE = 1;
const CHUNK = Buffer.alloc(64 * 1024, 'x');
const ENOUGH = 400;

/** The first stream's context is 2; a request for another one's path wakes it. */
const wakes = (stream: number): readonly Operation[] => [
  { inContext: [2, [{ return: 0 }]] },
  { effectiveContext: 2 },
  { continueStream: stream },
];

let running: FilteredServer;
afterEach(async () => {
  await running.close();
});

describe('a request’s sender', () => {
  it('is slowed by an app that does not read, and gets through when it does', async () => {
    let start: (() => void) | undefined;
    running = await filteredServer([{ callbacks: { proxy_on_request_body: PASS } }], (req, res) => {
      let read = 0;
      start = () => {
        req.on('data', (chunk: Buffer) => (read += chunk.length));
        req.on('end', () => res.end(`read ${String(read)}`));
      };
    });
    const sent = await sendMuch(running.port, () => start !== undefined);
    expect(sent.pending).toBeGreaterThan(0);
    start?.();
    await sent.client.until(new RegExp(`read ${String(ENOUGH * CHUNK.length)}`));
  });

  it('is slowed by a filter that holds what it may, and gets through when it lets go', async () => {
    let read = 0;
    const limits = { bufferedBodyBytes: 100_000 };
    const callbacks = {
      proxy_on_request_headers: wakes(REQUEST),
      proxy_on_request_body: [{ beforeEnd: HOLD }],
    };
    running = await filteredServer([{ callbacks, options: { limits } }], (req, res) => {
      req.on('data', (chunk: Buffer) => (read += chunk.length));
      req.on('end', () => res.end(`read ${String(read)}`));
    });
    const sent = await sendMuch(running.port, () => true);
    expect(sent.pending).toBeGreaterThan(0);
    expect(read).toBe(0);
    const done = sent.client.until(new RegExp(`read ${String(ENOUGH * CHUNK.length)}`));
    let isDone = false;
    void done.then(() => (isDone = true));
    // Each wake lets go of what is held; the next chunks are held again.
    while (!isDone) {
      const other = await rawClient(running.port);
      other.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      await once(other.socket, 'close');
    }
  });
});

/** Sends a long body; answers when nothing of it moves any more. */
async function sendMuch(port: number, isReached: () => boolean) {
  const client = await rawClient(port);
  const length = ENOUGH * CHUNK.length;
  client.socket.write(`POST / HTTP/1.1\r\nhost: a\r\ncontent-length: ${String(length)}\r\n\r\n`);
  for (let index = 0; index < ENOUGH; index += 1) client.socket.write(CHUNK);
  await eventually(isReached);
  let before = -1;
  while (before !== client.socket.writableLength) {
    before = client.socket.writableLength;
    await sleep(50);
  }
  return { client, pending: before };
}

describe('an app', () => {
  it('is slowed by a client that does not read, through a filter', async () => {
    let written = 0;
    let drains = 0;
    let stalled = false;
    const callbacks = { proxy_on_response_body: PASS };
    running = await filteredServer([{ callbacks }], (_req, res) => {
      const write = (): void => {
        while (written < ENOUGH) {
          written += 1;
          if (res.write(CHUNK)) continue;
          stalled = true;
          return;
        }
        res.end();
      };
      res.on('drain', () => {
        drains += 1;
        write();
      });
      write();
    });
    const client = await rawClient(running.port);
    client.socket.pause();
    client.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await eventually(() => stalled);
    await sleep(100);
    expect(written).toBeLessThan(ENOUGH);
    client.socket.resume();
    await once(client.socket, 'close');
    expect(written).toBe(ENOUGH);
    expect(drains).toBeGreaterThan(0);
    expect(client.text().length).toBeGreaterThan(ENOUGH * CHUNK.length);
  });

  it('is slowed by a filter that holds what it may, and told when it lets go', async () => {
    const events: string[] = [];
    const limits = { bufferedBodyBytes: 100_000 };
    const callbacks = {
      proxy_on_request_headers: wakes(RESPONSE),
      proxy_on_response_body: [{ inContext: [2, HOLD] as const }],
    };
    running = await filteredServer([{ callbacks, options: { limits } }], (req, res) => {
      if (req.url !== '/held') return void res.end();
      events.push(`write ${String(res.write(CHUNK))}`);
      res.write(CHUNK, () => events.push('written'));
      events.push(`write ${String(res.write(CHUNK))}`, `headersSent ${String(res.headersSent)}`);
      res.once('drain', () => {
        events.push('drain');
        res.end('end');
      });
    });
    const client = await rawClient(running.port);
    client.socket.write('GET /held HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await eventually(() => events.length === 3);
    await sleep(20);
    expect(events).toEqual(['write true', 'write false', 'headersSent true']);
    for (let left = 2; left > 0; left -= 1) {
      const other = await rawClient(running.port);
      other.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
      await once(other.socket, 'close');
    }
    await client.until(/end\r\n0\r\n\r\n$/);
    expect(events.slice(3).sort()).toEqual(['drain', 'written']);
  });

  it('is slowed where a filter without interest in the body holds the head', async () => {
    const events: string[] = [];
    const callbacks = {
      proxy_on_request_headers: wakes(RESPONSE),
      proxy_on_response_headers: [{ inContext: [2, [{ return: 1 }]] as const }],
    };
    const limits = { bufferedBodyBytes: 60_000 };
    running = await filteredServer([{ callbacks, options: { limits } }], (req, res) => {
      if (req.url !== '/held') return void res.end();
      res.setHeader('content-length', 2 * CHUNK.length + 3);
      events.push(`write ${String(res.write(CHUNK))}`, `length ${String(res.writableLength)}`);
      res.write(CHUNK, () => events.push('written'));
      res.once('drain', () => {
        events.push('drain');
        res.end('end', () => events.push('ended'));
      });
    });
    const client = await rawClient(running.port);
    client.socket.write('GET /held HTTP/1.1\r\nhost: a\r\n\r\n');
    await eventually(() => events.length === 2);
    expect(events).toEqual(['write false', 'length 65536']);
    expect(client.text()).toBe('');
    const other = await rawClient(running.port);
    other.socket.write('GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n');
    await client.until(/end$/);
    await eventually(() => events.includes('ended'));
    expect(events.slice(2).sort()).toEqual(['drain', 'ended', 'written']);
  });
});
