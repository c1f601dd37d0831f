/** A response whose length a filter took away, of an app that had made sure it has no chunks. */
import { createServer, get, type IncomingMessage, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, expect, it } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { wasmFilter } from '../../src/node/index.js';

const RESPONSE_HEADERS = 2;
const RESPONSE_BODY = 1;
const WHOLE = 0x7fffffff;
const removeLength = { remove: [RESPONSE_HEADERS, 'content-length'] } as const;

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0)) await close();
});

/** What a client gets of an app that sends 5 bytes with their length, behind these filters. */
async function answerOf(
  callbacks: readonly GuestScript['callbacks'][],
  app: RequestListener,
): Promise<{ headers: IncomingMessage['headers']; body: string }> {
  const codes = await Promise.all(callbacks.map((each) => guest({ callbacks: each })));
  const filter = wasmFilter(codes.map((code, index) => ({ name: `filter-${index}`, code })));
  await filter.ready();
  const server = createServer((req, res) => {
    res.removeHeader('transfer-encoding');
    filter(req, res, () => app(req, res));
  });
  closers.push(
    () => filter.close(),
    () => server.close(),
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    get({ port, host: '127.0.0.1' }, resolve).on('error', reject);
  });
  let body = '';
  for await (const chunk of response) body += String(chunk);
  return { headers: response.headers, body };
}

const hello: RequestListener = (_req, res) => {
  res.setHeader('content-length', 5);
  res.end('hello');
};

it('is sent in chunks where a filter removes its length', async () => {
  const callbacks = { proxy_on_response_headers: [removeLength] };
  const { headers, body } = await answerOf([callbacks], hello);
  expect(headers['transfer-encoding']).toBe('chunked');
  expect(body).toBe('hello');
});

it('is sent in chunks where its head goes ahead of a body that a filter may change', async () => {
  const callbacks: GuestScript['callbacks'] = {
    proxy_on_response_body: [{ setBuffer: [RESPONSE_BODY, 0, WHOLE, 'changed'] }],
  };
  const { headers, body } = await answerOf([callbacks], (_req, res) => {
    res.setHeader('content-length', 5);
    res.flushHeaders();
    res.end('hello');
  });
  expect(headers['transfer-encoding']).toBe('chunked');
  expect(body).toBe('changed');
});

it('is sent in chunks where it is a filter’s own, and another removes its length', async () => {
  const { headers, body } = await answerOf(
    [
      { proxy_on_response_headers: [removeLength] },
      { proxy_on_request_headers: [{ localResponse: { status: 403, body: 'denied' } }] },
    ],
    hello,
  );
  expect(headers['transfer-encoding']).toBe('chunked');
  expect(body).toBe('denied');
});

it('ends with the connection where the app wants that, and no filter has a say', async () => {
  const { headers, body } = await answerOf([{ proxy_on_response_headers: [] }], (_req, res) => {
    res.write('hel');
    res.end('lo');
  });
  expect(headers).not.toHaveProperty('transfer-encoding');
  expect(body).toBe('hello');
});
