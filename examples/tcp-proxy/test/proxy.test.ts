import { once } from 'node:events';
import { connect, type AddressInfo, type Socket } from 'node:net';

import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createStoreProxy } from '../proxy.js';
import { createStore } from '../store.js';

const quiet = (): void => undefined;
const store = createStore().listen(0, '127.0.0.1');
await once(store, 'listening');
const { port: storePort } = store.address() as AddressInfo;
const { proxy, host } = createStoreProxy(`127.0.0.1:${String(storePort)}`, {
  logger: { info: quiet, warn: quiet, error: quiet },
});
let port = 0;

beforeAll(async () => {
  await proxy.ready();
  ({ port } = await proxy.listen(0, '127.0.0.1'));
});
afterAll(async () => {
  await proxy.close();
  await host.close();
  store.close();
});

/** A client, and what it has got so far. */
function client(): { socket: Socket; text: () => string } {
  const socket = connect(port, '127.0.0.1');
  let text = '';
  socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
  return { socket, text: () => text };
}

describe('the proxy before the store', () => {
  it('lets lines through, also one that comes in two pieces', async () => {
    const { socket, text } = client();
    socket.write('set greeting hello\n');
    await expect.poll(text).toBe('STORED\n');
    socket.write('get gree');
    socket.write('ting\n');
    await expect.poll(text).toBe('STORED\nhello\n');
    socket.end();
    await once(socket, 'close');
  });

  it('ends a connection that wants to empty the store', async () => {
    const { socket, text } = client();
    socket.write('set kept yes\n');
    await expect.poll(text).toBe('STORED\n');
    socket.write('FLUSH_ALL\n');
    await once(socket, 'close');
    expect(text()).toBe('STORED\n');

    const second = client();
    second.socket.write('get kept\n');
    await expect.poll(second.text).toBe('yes\n');
    second.socket.end();
    await once(second.socket, 'close');
  });

  it('ends a connection whose line is too long', async () => {
    const { socket, text } = client();
    socket.write('x'.repeat(1025));
    await once(socket, 'close');
    expect(text()).toBe('');
  });

  it('counts what it refused', async () => {
    expect(await host.metrics.toPrometheus()).toMatch(/tcp_command_guard_denied\S* 2\n/);
  });
});
