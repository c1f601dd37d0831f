import { createServer, request } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect, it } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { wasmFilter } from '../../src/node/index.js';

const RESPONSE = 1;
const PAUSE = 1;
const NO_BUFFER = 3;

const logs: string[] = [];
const note = (_fields: object, message: string): void => void logs.push(message);
const logger = { info: note, warn: note, error: note };

/** Resolves once `test` holds. */
async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}

// The first request's refusal waits until the second request lets it go.
const held = [{ inContext: [2, [{ log: 'held' }, { return: PAUSE }]] }] as const;

it.each(['proxy_on_response_headers', 'proxy_on_response_body'] as const)(
  'a refusal that a filter in front holds in %s is not the app’s to change',
  async (callback) => {
    const front = await guest({
      callbacks: {
        proxy_on_request_headers: [
          { inContext: [3, [{ effectiveContext: 2 }, { continueStream: RESPONSE }]] },
        ],
        [callback]: held,
      },
    });
    const deny = { localResponse: { status: 403, body: 'denied' } };
    const back = await guest({
      callbacks: { proxy_on_request_body: [{ atEnd: [deny] }, { return: NO_BUFFER }] },
    });
    const filter = wasmFilter([
      { name: 'front', code: front, logger },
      { name: 'back', code: back, logger },
    ]);
    await filter.ready();
    logs.length = 0;
    let asked = false;
    let tried = false;
    const server = createServer((req, res) => {
      filter(req, res, () => {
        if (req.method === 'GET') res.end('ok');
        else {
          asked = true;
          void until(() => logs.some((line) => line.endsWith('held'))).then(() => {
            res.statusCode = 200;
            res.setHeader('set-cookie', 'session=1');
            res.setHeader('content-length', 3);
            tried = true;
          });
        }
      });
    });
    await new Promise<void>((resolve) => server.listen(0, resolve));
    const { port } = server.address() as AddressInfo;
    const reply = new Promise<unknown>((resolve) => {
      const outgoing = request({ port, method: 'POST' }, (response) => {
        const { statusCode, headers } = response;
        response.once('data', (chunk: Buffer) => {
          resolve([statusCode, chunk.toString(), headers['set-cookie'], headers['content-length']]);
        });
      });
      outgoing.write('a');
      // The rest, with which it is refused, comes when the app has the request.
      void until(() => asked).then(() => outgoing.end('b'));
    });
    await until(() => tried);
    await (await fetch(`http://127.0.0.1:${String(port)}/`)).text();
    expect(await reply).toEqual([403, 'denied', undefined, '6']);
    server.closeAllConnections();
    server.close();
    await filter.close();
  },
);
