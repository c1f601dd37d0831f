/** Connections whose filters fail, can't start, or are not there yet. */
import { createServer as createHttpServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import { createServer as createHttpsServer } from 'node:https';
import { createServer, type Server, type Socket } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import { guest, type CallbackName } from '../../../conformance/src/guests/wat-guest.js';
import { createHost } from '../../src/index.js';
import { tcpFilter } from '../../src/tcp/index.js';
import { atTestEnd } from '../support/calling-plugin.js';
import { recordLog } from '../support/record-log.js';
import { listenTcp, serveTcp, startTcpFilters, TcpClient } from '../support/tcp-server.js';

const TRAP = [{ trap: true }] as const;
const CALLBACKS: readonly CallbackName[] = [
  'proxy_on_new_connection',
  'proxy_on_downstream_data',
  'proxy_on_upstream_data',
];

describe('a trap', () => {
  it.each(CALLBACKS)('in %s closes the connection where the plugin fails closed', async (name) => {
    const filters = await startTcpFilters([
      { callbacks: { [name]: TRAP }, options: { failurePolicy: 'fail-closed' } },
    ]);
    const app = await serveTcp(filters.filter, (socket) =>
      socket.once('data', () => socket.write('up')),
    );
    const client = new TcpClient(app.port);
    client.write('down');
    await vi.waitFor(() => expect(client.text).toBe('|'));
    client.end();
    await client.closed;
    expect(client.error).toBe(undefined);
    expect(app.received()).toBe(name === 'proxy_on_upstream_data' ? 'down' : '');
    expect(filters.plugins[0]?.state).toBe('failed');
    expect(filters.errors().join()).toContain(`${name} trapped`);
    // And so does every connection that comes after it.
    const later = new TcpClient(app.port);
    await vi.waitFor(() => expect(later.text).toBe('|'));
  });

  it.each(CALLBACKS)('in %s lets the connection go on where it fails open', async (name) => {
    const filters = await startTcpFilters([
      { callbacks: { [name]: TRAP }, options: { failurePolicy: 'fail-open' } },
      { callbacks: { proxy_on_downstream_data: [{ logSize: true }] } },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('through');
    await vi.waitFor(() => expect(client.text).toBe('through'));
    client.end();
    await client.closed;
    expect(filters.logs()).toEqual(['7', '0']);
    // The other plugin is none the worse for it.
    expect(filters.plugins.map(({ state }) => state)).toEqual(['failed', 'running']);
    expect(filters.plugins[1]?.streams).toBe(0);
  });

  it('releases what other connections of the VM hold, or closes them, as the policy says', async () => {
    for (const failurePolicy of ['fail-open', 'fail-closed'] as const) {
      const filters = await startTcpFilters([
        {
          callbacks: {
            proxy_on_downstream_data: [{ inContext: [3, TRAP] }, { log: 'held' }, { return: 1 }],
          },
          options: { failurePolicy },
        },
      ]);
      const app = await serveTcp(filters.filter);
      const holding = new TcpClient(app.port);
      holding.write('held');
      await vi.waitFor(() => expect(filters.logs()).toEqual(['held']));
      const trapping = new TcpClient(app.port);
      trapping.write('-');
      if (failurePolicy === 'fail-open') {
        await vi.waitFor(() => expect([...app.received()].sort().join('')).toBe('-dehl'));
        expect(holding.text).toBe('');
      } else {
        await vi.waitFor(() => expect([holding.text, trapping.text]).toEqual(['|', '|']));
        expect(app.received()).toBe('');
      }
    }
  });

  it('leaves a connection that wants nothing more of the plugin alone', async () => {
    const filters = await startTcpFilters([
      {
        callbacks: { proxy_on_new_connection: [{ inContext: [3, TRAP] }] },
        options: { failurePolicy: 'fail-closed' },
      },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
    const first = new TcpClient(app.port);
    first.write('a');
    await vi.waitFor(() => expect(first.text).toBe('a'));
    const second = new TcpClient(app.port);
    await vi.waitFor(() => expect(second.text).toBe('|'));
    first.write('b');
    await vi.waitFor(() => expect(first.text).toBe('ab'));
  });

  it.each([
    'proxy_on_downstream_connection_close',
    'proxy_on_done',
    'proxy_on_log',
    'proxy_on_delete',
  ] as const)('in %s ends the VM, and nothing else', async (name) => {
    const filters = await startTcpFilters([
      { callbacks: { [name]: TRAP }, options: { failurePolicy: 'fail-closed' } },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(app.received()).toBe('a'));
    client.socket.destroy();
    app.sockets[0]?.destroy();
    await vi.waitFor(() => expect(filters.plugins[0]?.state).toBe('failed'));
    expect(filters.errors().join()).toContain(`${name} trapped`);
  });

  it('heals: the connection after it has a filter again', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_downstream_data: [{ beforeEnd: TRAP }] } },
    ]);
    const app = await serveTcp(filters.filter);
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(client.text).toBe('|'));
    await vi.waitFor(() => expect(filters.plugins[0]?.state).toBe('running'));
    new TcpClient(app.port);
    await vi.waitFor(() => expect(filters.plugins[0]?.streams).toBe(1));
  });
});

describe('a plugin', () => {
  it('that is still starting keeps connections and their bytes waiting', async () => {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    atTestEnd(() => host.close());
    const code = await guest({
      callbacks: { proxy_on_downstream_data: [{ beforeEnd: [{ setBuffer: [2, 0, 0, '<'] }] }] },
    });
    const filter = tcpFilter([{ name: 'slow', code }], { host });
    const app = await serveTcp(filter);
    const client = new TcpClient(app.port);
    client.write('early');
    client.end();
    await vi.waitFor(() => expect(app.received()).toBe('<early|'));
    await filter.ready();
  });

  it.each([
    ['fail-closed', '|'],
    ['fail-open', 'a'],
  ] as const)('that can not start: %s', async (failurePolicy, answer) => {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    atTestEnd(() => host.close());
    const code = await guest({ callbacks: { proxy_on_configure: [{ return: 0 }] } });
    const filter = tcpFilter({ name: 'no', code, failurePolicy }, { host });
    const app = await serveTcp(filter, (socket) => socket.pipe(socket));
    const client = new TcpClient(app.port);
    client.write('a');
    await vi.waitFor(() => expect(client.text).toBe(answer));
    await expect(filter.ready()).rejects.toMatchObject({ code: 'PW_ERR_CONFIGURE_REFUSED' });
    expect(log.texts('error').join()).toContain(
      `; connections are treated as ${failurePolicy} says`,
    );
    await filter.close();
  });

  it('that is closed refuses connections', async () => {
    const filters = await startTcpFilters([{ callbacks: {} }]);
    const app = await serveTcp(filters.filter);
    await filters.plugins[0]?.close();
    const client = new TcpClient(app.port);
    await vi.waitFor(() => expect(client.text).toBe('|'));
    expect(app.sockets).toHaveLength(0);
  });
});

describe('a pause that nobody ends', () => {
  it.each(CALLBACKS)('in %s closes the connection after limits.pausedTimeMs', async (name) => {
    const filters = await startTcpFilters([
      { callbacks: { [name]: [{ return: 1 }] }, options: { limits: { pausedTimeMs: 500 } } },
    ]);
    const app = await serveTcp(filters.filter, (socket) => socket.write('up'));
    const client = new TcpClient(app.port);
    client.write('down');
    await vi.waitFor(() => expect(client.text.endsWith('|')).toBe(true));
    expect(app.received()).toBe(name === 'proxy_on_upstream_data' ? 'down' : '');
    expect(filters.errors().join()).toContain(name);
    await vi.waitFor(() => expect(filters.streams()).toBe(0));
    expect(filters.contexts()).toEqual({ created: 1, deleted: 1 });
  });
});

it('a trap under fail-open closes the connections in flight where inFlightPolicy says so', async () => {
  const filters = await startTcpFilters([
    {
      callbacks: { proxy_on_downstream_data: TRAP },
      options: { failurePolicy: 'fail-open', inFlightPolicy: 'fail-closed' },
    },
  ]);
  const app = await serveTcp(filters.filter, (socket) => socket.pipe(socket));
  const client = new TcpClient(app.port);
  client.write('a');
  await vi.waitFor(() => expect(client.text).toBe('|'));
  const later = new TcpClient(app.port);
  later.write('b');
  await vi.waitFor(() => expect(later.text).toBe('b'));
});

describe('what is no connection for a TCP filter', () => {
  const filter = tcpFilter([]);

  it.each([
    ['node:http', createHttpServer()],
    ['node:https', createHttpsServer()],
    ['node:http2', createHttp2Server()],
  ])('a server of %s is refused, with the names of the HTTP adapters', (_, server) => {
    expect(() => filter.attach(server as Server)).toThrowError(
      expect.objectContaining({
        code: 'PW_ERR_HTTP_SERVER',
        message: expect.stringContaining('wasmFilter of @proxy-wasm-node/core/node') as string,
      }),
    );
  });

  it('a socket of an HTTP server is refused too', async () => {
    const refused = new Promise<unknown>((resolve) => {
      const server = createHttpServer();
      server.on('connection', (socket: Socket) => {
        try {
          filter(socket, () => resolve('passed'));
        } catch (error) {
          resolve(error);
        }
        socket.destroy();
      });
      void listenTcp(server).then((port) => new TcpClient(port));
    });
    expect(await refused).toMatchObject({ code: 'PW_ERR_HTTP_SERVER' });
  });

  it.each([undefined, {}, 'socket'])('%s is neither server nor socket', (value) => {
    const expected = expect.objectContaining({ code: 'PW_ERR_OPTIONS_INVALID' });
    expect(() => filter.attach(value as never)).toThrowError(expected);
    expect(() => filter(value as never, () => undefined)).toThrowError(expected);
  });

  it('a socket that was read before is refused: bytes would pass unseen', async () => {
    const refused = new Promise<unknown>((resolve) => {
      const server = createServer((socket) => {
        socket.once('data', () => {
          try {
            filter(socket, () => resolve('passed'));
          } catch (error) {
            resolve(error);
          }
          socket.destroy();
        });
      });
      void listenTcp(server).then((port) => new TcpClient(port).write('a'));
    });
    expect(await refused).toMatchObject({ code: 'PW_ERR_CONNECTION_CONSUMED' });
  });

  it('bytes that have come and not been read are shown to the filter', async () => {
    const filters = await startTcpFilters([
      { callbacks: { proxy_on_downstream_data: [{ logBuffer: [2] }] } },
    ]);
    const server = createServer((socket) => {
      const look = setInterval(() => {
        if (socket.readableLength === 0) return;
        clearInterval(look);
        filters.filter(socket, () => socket.pipe(socket));
      }, 2);
    });
    const client = new TcpClient(await listenTcp(server));
    client.write('early');
    await vi.waitFor(() => expect(client.text).toBe('early'));
    expect(filters.logs()).toEqual(['early']);
    client.end();
    await client.closed;
  });
});

it('a filter that is closed leaves its servers as they were', async () => {
  const filters = await startTcpFilters([
    { callbacks: { proxy_on_new_connection: [{ log: 'new' }] } },
  ]);
  const app = await serveTcp(filters.filter, (socket) => socket.end('hello'));
  filters.filter.attach(createServer());
  await filters.filter.close();
  const client = new TcpClient(app.port);
  await vi.waitFor(() => expect(client.text).toBe('hello|'));
  expect(filters.logs()).toEqual([]);
});
