/** What the server that filters stand in adds to a request, and knows of it. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

import { expect, it } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost } from '../../src/index.js';
import { addRequestHeader, createWasmFilter } from '../../src/node/index.js';
import { atTestEnd } from '../support/calling-plugin.js';
import { listen, RawClient } from '../support/filter-server.js';
import { recordLog } from '../support/record-log.js';

const REQUEST_HEADERS = 0;

const looks: GuestScript = {
  callbacks: {
    proxy_on_request_headers: [
      { logHeader: [REQUEST_HEADERS, 'x-request-id'] },
      { logProperty: ['request', 'id'] },
      { logProperty: ['route_name'] },
      // Node knows this one too; the server knows better.
      { logProperty: ['source', 'address'] },
      { logProperty: ['request', 'method'] },
    ],
  },
};

async function serve(begin: (req: IncomingMessage) => void) {
  const { logger, texts } = recordLog();
  const host = createHost({ logger });
  const plugin = await host.createPlugin({ code: await guest(looks) });
  const hooks = {
    begin: (req: object) => {
      begin(req as IncomingMessage);
      return {
        attribute: (path: readonly string[]) => {
          if (path.join('.') === 'route_name') return 'the-route';
          return path.join('.') === 'source.address' ? '192.0.2.1:9' : undefined;
        },
      };
    },
  };
  const filter = createWasmFilter([plugin, plugin], { host }, hooks);
  const app = (req: IncomingMessage, res: ServerResponse): void => {
    const { rawHeaders, headers, headersDistinct } = req;
    const id = 'x-request-id';
    res.end(JSON.stringify([headers[id], headersDistinct[id], rawHeaders.includes(id)]));
  };
  const server = createServer((req, res) => {
    filter(req, res, () => {
      app(req, res);
    });
  });
  filter.attach(server);
  const { port, close } = await listen(server);
  atTestEnd(async () => {
    await close();
    await host.close();
  });
  return { client: new RawClient(port), texts };
}

const SEEN = ['id-1', 'id-1', 'the-route', '192.0.2.1:9', 'GET'];

it('is asked once for a request, before any filter', async () => {
  let times = 0;
  const { client, texts } = await serve((req) => {
    times += 1;
    addRequestHeader(req, 'x-request-id', 'id-1');
  });
  client.send('GET / HTTP/1.1\nhost: a\nconnection: close');
  await client.closed;
  expect(client.text).toContain('\r\n\r\n["id-1",["id-1"],true]');
  expect(texts('info')).toEqual([...SEEN, ...SEEN]);
  expect(times).toBe(1);
});

it('is asked before attached filters too', async () => {
  let times = 0;
  const { client, texts } = await serve((req) => {
    times += 1;
    addRequestHeader(req, 'x-request-id', 'id-1');
  });
  client.send('GET / HTTP/1.1\nhost: a\nexpect: 100-continue\nconnection: close');
  await client.closed;
  expect(texts('info')).toEqual([...SEEN, ...SEEN]);
  expect(times).toBe(1);
});
