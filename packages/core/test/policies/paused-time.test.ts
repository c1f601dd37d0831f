/** limits.pausedTimeMs, through real sockets. */
import { createServer } from 'node:http';

import { afterEach, expect, it } from 'vitest';

import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { eventually, listen, RawClient, serverOf, startFilters } from '../support/filter-server.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(callbacks: GuestScript['callbacks'], pausedTimeMs: number) {
  const filters = await startFilters([{ callbacks }], { limits: { pausedTimeMs } });
  const seen: string[] = [];
  const server = serverOf(filters.filter, (req, res) => {
    seen.push(req.url ?? '');
    res.write('first ');
    setImmediate(() => res.end('second'));
  });
  const { port, close } = await listen(server);
  cleanups.push(close);
  const client = new RawClient(port);
  cleanups.push(() => {
    client.destroy();
  });
  return { filters, client, seen };
}

it('a request that is never resumed is answered 504, and the next one on its connection is served', async () => {
  const { filters, client, seen } = await serve(
    { proxy_on_request_headers: [{ inContext: [2, [{ return: 1 }]] }] },
    30,
  );
  client.send('GET /paused HTTP/1.1\nhost: a');
  expect(await client.until(/^HTTP\/1.1 504 [^]*\r\n\r\n/)).toMatch(/content-length: 0/i);
  client.text = '';
  client.send('GET /next HTTP/1.1\nhost: a');
  expect(await client.until(/second/)).toMatch(/^HTTP\/1.1 200 /);
  expect(seen).toEqual(['/next']);
  expect(filters.errors()).toEqual([
    'plugin "guest": a stream that proxy_on_request_headers paused was not resumed within 30 ms ' +
      '(limits.pausedTimeMs): it is answered 504, or reset if its head is out',
  ]);
  client.destroy();
  await client.closed;
  const [plugin] = filters.plugins;
  await eventually(() => plugin?.streams === 0, 'no stream is left');
  const { created, deleted } = await filters.close();
  expect([created, deleted]).toEqual([3, 3]);
});

it('a response that is never resumed is answered 504 while its head waits', async () => {
  const { client, filters } = await serve({ proxy_on_response_headers: [{ return: 1 }] }, 30);
  client.send('GET / HTTP/1.1\nhost: a');
  expect(await client.until(/\r\n\r\n/)).toMatch(/^HTTP\/1.1 504 /);
  expect(filters.errors()[0]).toContain('proxy_on_response_headers');
  await filters.close();
});

it('a response whose head is out is cut off', async () => {
  const { client, filters } = await serve(
    { proxy_on_response_body: [{ atEnd: [{ return: 1 }] }] },
    30,
  );
  client.send('GET / HTTP/1.1\nhost: a');
  await client.closed;
  expect(client.text).toMatch(/first /);
  expect(client.text).not.toMatch(/second|504/);
  expect(filters.errors()[0]).toContain('proxy_on_response_body');
  const { created, deleted } = await filters.close();
  expect(created).toBe(deleted);
});

it('Node’s requestTimeout answers 408 before pausedTimeMs does, and nothing is left', async () => {
  const filters = await startFilters(
    [{ callbacks: { proxy_on_request_headers: [{ return: 1 }] } }],
    { limits: { pausedTimeMs: 60_000 } },
  );
  const server = createServer(
    { requestTimeout: 60, headersTimeout: 60, connectionsCheckingInterval: 10 },
    (req, res) => {
      filters.filter(req, res, () => res.end('never'));
    },
  );
  const { port, close } = await listen(server);
  cleanups.push(close);
  const client = new RawClient(port);
  client.send('POST / HTTP/1.1\nhost: a\ncontent-length: 5', 'ab');
  await client.closed;
  expect(client.text).toMatch(/^HTTP\/1.1 408 /);
  const [plugin] = filters.plugins;
  await eventually(() => plugin?.streams === 0 && plugin.pauses.size === 0, 'nothing is left');
  const { created, deleted } = await filters.close();
  expect(created).toBe(deleted);
});
