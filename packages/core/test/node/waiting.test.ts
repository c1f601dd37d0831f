import { AsyncLocalStorage } from 'node:async_hooks';
import { createServer, request, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { wasmFilter, type WasmFilter } from '../../src/node/index.js';

type Callbacks = GuestScript['callbacks'];

const PAUSE = 1;
const DENY = { localResponse: { status: 403, body: 'denied' } };
const logs: string[] = [];
const note = (_fields: object, message: string): void => void logs.push(message);
const logger = { info: note, warn: note, error: note };
let server: Server;
let filter: WasmFilter;

afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await filter.close();
  logs.length = 0;
});

async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}
const isPaused = (): boolean => logs.some((line) => line.endsWith('paused'));

async function serve(callbacks: Callbacks, listener: RequestListener): Promise<string> {
  filter = wasmFilter({ code: await guest({ callbacks }), logger });
  await filter.ready();
  server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, resolve));
  return `http://127.0.0.1:${String((server.address() as AddressInfo).port)}/`;
}

/** What happens to who waits for `next`, in order. */
async function record(callbacks: Callbacks, answers = true) {
  const order: string[] = [];
  const url = await serve(callbacks, (req, res) => {
    const next = (): void => {
      order.push('next');
      if (answers) res.end('ok');
    };
    filter(req, res, next, () => order.push('over'));
  });
  return { order, url };
}

describe('who waits for next', () => {
  it('hears nothing more where the app answers', async () => {
    const { order, url } = await record({ proxy_on_response_headers: [] });
    await (await fetch(url)).text();
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(order).toEqual(['next']);
  });

  it('is told of a refusal in its place', async () => {
    const { order, url } = await record({ proxy_on_request_headers: [DENY] });
    expect((await fetch(url)).status).toBe(403);
    expect(order).toEqual(['over']);
  });

  it('is told of a refusal after it', async () => {
    const refuses = { proxy_on_request_body: [{ atEnd: [DENY] }, { return: PAUSE }] };
    const { order, url } = await record(refuses, false);
    const body = new Blob(['x'.repeat(100_000)]).stream();
    const init = { method: 'POST', body, duplex: 'half' } as RequestInit;
    expect((await fetch(url, init)).status).toBe(403);
    expect(order).toEqual(['next', 'over']);
  });

  it('is told where the client goes while the request is held, once', async () => {
    const { order, url } = await record({
      proxy_on_request_headers: [{ log: 'paused' }, { return: PAUSE }],
    });
    const outgoing = request(url).on('error', () => undefined);
    outgoing.end();
    await until(isPaused);
    expect(order).toEqual([]);
    outgoing.destroy();
    await until(() => order.length > 0);
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(order).toEqual(['over']);
  });

  it('is no reason to look like a handler of errors', async () => {
    await serve({}, (_req, res) => res.end());
    expect(filter.length).toBe(3);
  });
});

describe('the async context that next runs in', () => {
  const storage = new AsyncLocalStorage<string | undefined>();
  const answerContext: RequestListener = (req, res) => {
    storage.run(req.url, () => {
      filter(req, res, () => res.end(storage.getStore()));
    });
  };

  it('is the caller’s after a pause that another request ends', async () => {
    const callbacks: Callbacks = {
      proxy_on_request_headers: [
        { inContext: [2, [{ log: 'paused' }, { return: PAUSE }]] },
        { inContext: [3, [{ effectiveContext: 2 }, { continueStream: 0 }]] },
      ],
    };
    const url = await serve(callbacks, answerContext);
    const first = fetch(`${url}first`);
    await until(isPaused);
    expect(await (await fetch(`${url}second`)).text()).toBe('/second');
    expect(await (await first).text()).toBe('/first');
  });

  it('is the caller’s where the body’s length has to be known first', async () => {
    const url = await serve({ proxy_on_request_body: [] }, answerContext);
    const reply = await new Promise<string>((resolve) => {
      const outgoing = request(`${url}post`, { method: 'POST', headers: { 'content-length': 2 } });
      outgoing.on('response', (response) => {
        response.on('data', (chunk: Buffer) => {
          resolve(chunk.toString());
        });
      });
      outgoing.write('a');
      setTimeout(() => outgoing.end('b'), 10);
    });
    expect(reply).toBe('/post');
  });
});
