/** What Node refuses of a response once a filter has let it go, when the app's call is long over. */
import { once } from 'node:events';

import { afterEach, expect, it } from 'vitest';

import { LETS_HEADS_GO_LATER } from '../support/later-guest.js';
import { filteredServer, rawClient, type FilteredServer } from '../support/node-server.js';

let running: FilteredServer;
afterEach(() => running.close());

it('costs its own exchange, and is told as a warning', async () => {
  const warned = once(process, 'warning') as Promise<[NodeJS.ErrnoException]>;
  running = await filteredServer([{ callbacks: LETS_HEADS_GO_LATER }], (req, res) => {
    if (req.url === '/') {
      res.end('fine');
      return;
    }
    res.strictContentLength = true;
    res.setHeader('content-length', 5);
    res.flushHeaders();
    res.end('abc');
  });
  const client = await rawClient(running.port);
  client.socket.write('GET /short HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(client.socket, 'close');
  expect(client.text()).not.toContain('abc');
  expect((await warned)[0].code).toBe('ERR_HTTP_CONTENT_LENGTH_MISMATCH');
  const response = await fetch(`http://127.0.0.1:${String(running.port)}/`);
  expect(await response.text()).toBe('fine');
  expect(running.streams()).toBe(0);
});

it('is left out of the head where it is trailers that have no room', async () => {
  running = await filteredServer([{ callbacks: LETS_HEADS_GO_LATER }], (_req, res) => {
    res.setHeader('trailer', 'x-sum');
    res.write('abc');
    res.end('def');
  });
  const client = await rawClient(running.port);
  client.socket.write('GET / HTTP/1.0\r\nhost: a\r\n\r\n');
  await once(client.socket, 'close');
  expect(client.text()).toMatch(/^HTTP\/1.1 200 OK\r\n[^]*\r\n\r\nabcdef$/);
  expect(client.text()).not.toMatch(/trailer/i);
});

it('is thrown at the app where it is in its call still', async () => {
  const errors: unknown[] = [];
  running = await filteredServer(
    [{ callbacks: { proxy_on_response_headers: [] } }],
    (_req, res) => {
      res.strictContentLength = true;
      res.setHeader('content-length', 5);
      res.flushHeaders();
      try {
        res.end('abc');
      } catch (error) {
        errors.push((error as NodeJS.ErrnoException).code);
        res.destroy();
      }
    },
  );
  const client = await rawClient(running.port);
  client.socket.write('GET / HTTP/1.1\r\nhost: a\r\n\r\n');
  await once(client.socket, 'close');
  expect(errors).toEqual(['ERR_HTTP_CONTENT_LENGTH_MISMATCH']);
});
