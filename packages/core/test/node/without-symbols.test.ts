import { afterEach, expect, it, vi } from 'vitest';

import { Client } from '../../../conformance/src/client.js';
import { filteredServer, type FilteredServer } from '../support/node-server.js';

// As on a Node that keeps its headers elsewhere.
vi.mock('../../src/node/node-symbols.js', () => ({
  HEADERS: undefined,
  HEADERS_COUNT: undefined,
  HEADERS_DISTINCT: undefined,
  TRAILERS: undefined,
  TRAILERS_COUNT: undefined,
  TRAILERS_DISTINCT: undefined,
  OUT_HEADERS: undefined,
  KNOWS_HEADERS: false,
  KNOWS_TRAILERS: false,
}));

let running: FilteredServer;
afterEach(async () => {
  await running.close();
});

it('edits of requests and responses show all the same, only slower', async () => {
  const callbacks = {
    proxy_on_request_headers: [
      { replace: [0, 'x-a', 'new'] as const },
      { add: [0, 'x-b', 'made'] as const },
      { remove: [0, 'x-d'] as const },
    ],
    proxy_on_request_body: [],
    proxy_on_request_trailers: [{ replace: [1, 'x-sum', '2'] as const }],
    proxy_on_response_headers: [{ logSize: true } as const],
  };
  running = await filteredServer([{ callbacks }], (req, res) => {
    req.resume().on('end', () => {
      const { headers, headersDistinct, trailers } = req;
      res.setHeader('set-cookie', ['a=1', 'b=2']);
      res.end(
        JSON.stringify([
          headers['x-a'],
          headersDistinct['x-b'],
          'x-d' in headers,
          trailers['x-sum'],
        ]),
      );
    });
  });
  const client = new Client(running.port);
  const reply = await client.send({
    headers: { 'X-A': 'old', 'X-D': 'gone' },
    body: ['abc'],
    trailers: { 'X-Sum': '1' },
  });
  client.close();
  expect(JSON.parse(reply.body)).toEqual(['new', ['made'], false, '2']);
  // Status and two cookies.
  expect(running.logs).toEqual(['3']);
});
