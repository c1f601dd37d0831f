/** The TCP proxy, with filters, between real clients and real servers. */
import { createServer, type Server, type Socket } from 'node:net';
import { createServer as createTlsServer } from 'node:tls';

import { describe, expect, it, vi } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { tls } from '../../../conformance/src/tls/index.js';
import { createHost, type HostOptions, type PluginOptions } from '../../src/index.js';
import { createTcpProxy, type TcpProxyOptions } from '../../src/tcp/index.js';
import { atTestEnd } from '../support/calling-plugin.js';
import { recordLog } from '../support/record-log.js';
import { listenTcp, TcpClient } from '../support/tcp-server.js';

type Options = Partial<Omit<TcpProxyOptions, 'plugins' | 'host'>> & {
  plugin?: Partial<PluginOptions>;
  host?: HostOptions;
};

/** A proxy with one filter, listening. It closes with the test. */
async function startProxy(
  upstream: TcpProxyOptions['upstream'],
  script: GuestScript,
  options: Options = {},
) {
  const { plugin, host: hostOptions, ...rest } = options;
  const log = recordLog();
  const host = createHost({ logger: log.logger, ...hostOptions });
  const made = await host.createPlugin({ name: 'guest', ...plugin, code: await guest(script) });
  const proxy = createTcpProxy({ plugins: made, upstream, host, drainTimeoutMs: 200, ...rest });
  await proxy.ready();
  const { port } = await proxy.listen(0, '127.0.0.1');
  atTestEnd(async () => {
    await proxy.close();
    await host.close();
  });
  return { proxy, port, plugin: made, log };
}

async function serve(app: (socket: Socket) => void, allowHalfOpen = true): Promise<number> {
  const server: Server = createServer({ allowHalfOpen }, (socket) => {
    socket.on('error', () => undefined);
    app(socket);
  });
  return listenTcp(server);
}

const NOTHING: GuestScript = { callbacks: {} };
const SEES_ALL: GuestScript = {
  callbacks: {
    proxy_on_downstream_data: [{ logSizeAndEnd: true }],
    proxy_on_upstream_data: [{ logSizeAndEnd: true }],
  },
};

describe('a proxy', () => {
  it('passes bytes and ends each way on their own', async () => {
    const upstream = await serve((socket) => {
      let text = '';
      socket.on('data', (chunk: Buffer) => (text += chunk.toString()));
      // Speaks only when the client has said all.
      socket.on('end', () => socket.end(`got ${text}`));
    });
    const { port, proxy, plugin } = await startProxy(`127.0.0.1:${String(upstream)}`, SEES_ALL);
    const client = new TcpClient(port);
    client.write('hello');
    client.end();
    await client.closed;
    expect(client.text).toBe('got hello|');
    await vi.waitFor(() => expect([proxy.connections, plugin.streams]).toEqual([0, 0]));
  });

  it('lets a server end first and the client talk on', async () => {
    let heard = '';
    const upstream = await serve((socket) => {
      socket.on('data', (chunk: Buffer) => (heard += chunk.toString()));
      socket.on('end', () => (heard += '|'));
      socket.end('bye');
    });
    const { port } = await startProxy(`127.0.0.1:${String(upstream)}`, SEES_ALL);
    const client = new TcpClient(port);
    await vi.waitFor(() => expect(client.text).toBe('bye|'));
    client.write('still here');
    client.end();
    await vi.waitFor(() => expect(heard).toBe('still here|'));
    await client.closed;
    expect(client.error).toBe(undefined);
  });

  it.each([1, 64])('carries %d MiB each way unchanged', async (mebibytes) => {
    const upstream = await serve((socket) => socket.pipe(socket));
    const { port } = await startProxy(`127.0.0.1:${String(upstream)}`, SEES_ALL, {
      plugin: { limits: { callbackTimeMs: false } },
    });
    const client = new TcpClient(port);
    client.socket.removeAllListeners('data');
    let received = 0;
    let isSame = true;
    client.socket.on('data', (chunk: Buffer) => {
      for (const byte of chunk) {
        if (byte !== (received * 31) % 251) isSame = false;
        received += 1;
      }
    });
    const total = mebibytes * 1024 * 1024;
    const block = 64 * 1024;
    for (let sent = 0; sent < total; sent += block) {
      const bytes = Buffer.alloc(block);
      for (let index = 0; index < block; index += 1) bytes[index] = ((sent + index) * 31) % 251;
      if (!client.socket.write(bytes)) {
        await new Promise((resolve) => client.socket.once('drain', resolve));
      }
    }
    client.end();
    await client.closed;
    expect([received, isSame]).toEqual([total, true]);
  });

  it('breaks the server’s connection off when the client breaks off, and the other way round', async () => {
    const ended: string[] = [];
    const upstream = await serve((socket) => {
      socket.on('error', (error: NodeJS.ErrnoException) => ended.push(error.code ?? ''));
      socket.on('end', () => ended.push('end'));
      socket.on('data', (chunk: Buffer) => {
        if (chunk.toString() === 'break off') socket.resetAndDestroy();
        else socket.write(chunk);
      });
    });
    const { port } = await startProxy(`127.0.0.1:${String(upstream)}`, SEES_ALL);
    const client = new TcpClient(port);
    client.write('a');
    await vi.waitFor(() => expect(client.text).toBe('a'));
    client.socket.resetAndDestroy();
    await vi.waitFor(() => expect(ended).toEqual(['ECONNRESET']));

    const second = new TcpClient(port);
    second.write('break off');
    await second.closed;
    expect(second.error?.code).toBe('ECONNRESET');
    expect(second.text).toBe('');
  });

  it('that reaches no server closes the connection and logs why', async () => {
    const gone = createServer();
    const port = await new Promise<number>((resolve) => {
      gone.listen(0, '127.0.0.1', () => {
        const address = gone.address();
        gone.close(() => resolve((address as { port: number }).port));
      });
    });
    const {
      port: proxyPort,
      log,
      plugin,
    } = await startProxy(`127.0.0.1:${String(port)}`, {
      callbacks: { proxy_on_downstream_connection_close: [{ logSize: true }] },
    });
    const client = new TcpClient(proxyPort);
    await client.ended();
    await vi.waitFor(() => expect(plugin.streams).toBe(0));
    expect(log.texts('info')).toEqual(['1']);
    expect(log.texts('warn')).toEqual([
      `createTcpProxy: no connection to 127.0.0.1:${String(port)}: connect ECONNREFUSED 127.0.0.1:${String(port)}`,
    ]);
  });

  it('asks a function for each connection, and closes those that it has no upstream for', async () => {
    const answers = (text: string) => serve((socket) => socket.end(text));
    const ports = [await answers('one'), await answers('two')];
    const targets = [
      `127.0.0.1:${String(ports[0])}`,
      { host: '127.0.0.1', port: ports[1]! },
      undefined,
      'no port',
    ];
    const { port, plugin, log } = await startProxy(() => targets.shift(), SEES_ALL);
    const texts: string[] = [];
    for (let count = 4; count > 0; count -= 1) {
      const client = new TcpClient(port);
      await client.ended();
      texts.push(client.text);
    }
    expect(texts).toEqual(['one|', 'two|', '|', '|']);
    await vi.waitFor(() => expect(plugin.streams).toBe(0));
    expect(log.texts('warn')).toEqual(['createTcpProxy: there is no upstream for a connection']);
    expect(log.texts('error')).toEqual([
      'createTcpProxy: no upstream for a connection: upstream() must be "host:port" or { host, port, tls, connectTimeoutMs }, but is "no port"',
    ]);
  });

  it('gives up on a server that does not finish its handshake', async () => {
    const silent = await serve(() => undefined);
    const { port, log } = await startProxy(
      { host: '127.0.0.1', port: silent, tls: true, connectTimeoutMs: 50 },
      NOTHING,
    );
    const client = new TcpClient(port);
    await client.ended();
    expect(log.texts('warn').join()).toContain('no connection within 50 ms');
  });

  it('asks the server only when the filters have let the connection go on', async () => {
    let connections = 0;
    const upstream = await serve(() => (connections += 1));
    const { port } = await startProxy(`127.0.0.1:${String(upstream)}`, {
      callbacks: { proxy_on_new_connection: [{ closeStream: 2 }] },
    });
    const client = new TcpClient(port);
    await vi.waitFor(() => expect(client.text).toBe('|'));
    client.end();
    await client.closed;
    expect(connections).toBe(0);
  });

  it('ends the server’s connection where a filter has closed the client’s', async () => {
    const ended: string[] = [];
    const upstream = await serve((socket) => {
      socket.on('data', (chunk: Buffer) => ended.push(chunk.toString()));
      socket.on('error', (error: NodeJS.ErrnoException) => ended.push(error.code ?? ''));
      socket.on('end', () => ended.push('end'));
    });
    const { port } = await startProxy(`127.0.0.1:${String(upstream)}`, {
      callbacks: {
        proxy_on_downstream_data: [
          { wat: '(if (i32.eq (local.get $size) (i32.const 3)) (then' },
          { closeStream: 2 },
          { wat: '))' },
        ],
      },
    });
    const client = new TcpClient(port);
    client.write('good');
    await vi.waitFor(() => expect(ended).toEqual(['good']));
    client.write('bad');
    await client.ended();
    await vi.waitFor(() => expect(ended).toEqual(['good', 'end']));
  });

  it('ends what is open when it closes, after a while', async () => {
    const upstream = await serve((socket) => socket.write('x'));
    const { port, proxy, plugin } = await startProxy(`127.0.0.1:${String(upstream)}`, SEES_ALL);
    const client = new TcpClient(port);
    await vi.waitFor(() => expect(client.text).toBe('x'));
    const closed = proxy.close();
    expect(proxy.close()).toBe(closed);
    await closed;
    await client.ended();
    expect([proxy.connections, plugin.streams]).toEqual([0, 0]);
  });

  it('waits for what ends in time when it closes', async () => {
    const upstream = await serve((socket) => socket.pipe(socket));
    const { port, proxy } = await startProxy(`127.0.0.1:${String(upstream)}`, SEES_ALL, {
      drainTimeoutMs: 5000,
    });
    const client = new TcpClient(port);
    client.write('a');
    await vi.waitFor(() => expect(client.text).toBe('a'));
    const closed = proxy.close();
    client.write('b');
    await vi.waitFor(() => expect(client.text).toBe('ab'));
    client.end();
    await closed;
    await client.closed;
    expect(client.text).toBe('ab|');
  });

  it('rejects where it can not listen', async () => {
    const { port } = await startProxy('127.0.0.1:1', NOTHING);
    const second = createTcpProxy({ plugins: [], upstream: '127.0.0.1:1' });
    await expect(second.listen(port, '127.0.0.1')).rejects.toMatchObject({ code: 'EADDRINUSE' });
    await second.close();
  });
});

describe('TLS', () => {
  it('from the client and to the server, with what filters can know of both', async () => {
    const server = createTlsServer({ ...tls, allowHalfOpen: true } as never, (socket) =>
      socket.pipe(socket),
    );
    const upstream = await listenTcp(server);
    const { port, log } = await startProxy(
      { host: '127.0.0.1', port: upstream, tls: { ca: tls.cert, servername: 'localhost' } },
      {
        callbacks: {
          proxy_on_new_connection: [{ logProperty: ['upstream', 'address'] }],
          proxy_on_downstream_data: [
            { beforeEnd: [{ logBuffer: [2] }, { logProperty: ['connection', 'tls_version'] }] },
            { beforeEnd: [{ logProperty: ['connection', 'requested_server_name'] }] },
          ],
          proxy_on_upstream_data: [
            {
              beforeEnd: [
                { logProperty: ['upstream', 'tls_version'] },
                { logProperty: ['upstream', 'address'] },
              ],
            },
          ],
        },
      },
      { tls },
    );
    const client = new TcpClient(port, { ca: tls.cert, servername: 'localhost' });
    client.write('secret');
    await vi.waitFor(() => expect(client.text).toBe('secret'));
    client.end();
    await client.closed;
    expect(client.text).toBe('secret|');
    expect(log.texts('info')).toEqual([
      'status 1',
      ...['secret', 'TLSv1.3', 'localhost'],
      ...['TLSv1.3', `127.0.0.1:${String(upstream)}`],
    ]);
  });

  it('that the server can not prove is no connection', async () => {
    const upstream = await listenTcp(createTlsServer(tls));
    const { port, log } = await startProxy(
      { host: '127.0.0.1', port: upstream, tls: true },
      NOTHING,
    );
    const client = new TcpClient(port);
    await client.ended();
    expect(log.texts('warn').join()).toContain('self-signed certificate');
  });

  it('closes with what was sent when a filter says so', async () => {
    const upstream = await serve((socket) => socket.write('bye'));
    const { port } = await startProxy(
      `127.0.0.1:${String(upstream)}`,
      { callbacks: { proxy_on_downstream_data: [{ closeStream: 2 }] } },
      { tls },
    );
    const client = new TcpClient(port, { ca: tls.cert, servername: 'localhost' });
    await vi.waitFor(() => expect(client.text).toBe('bye'));
    client.write('bad');
    await vi.waitFor(() => expect(client.text).toBe('bye|'));
    client.end();
    await client.closed;
    expect(client.error).toBe(undefined);
  });
});

describe('options', () => {
  it.each([
    [{}, 'plugins must be given'],
    [{ plugins: [] }, 'upstream must be given'],
    [{ plugins: 'x', upstream: 'a:1' }, 'plugins must be plugins, or options of plugins'],
    [{ plugins: [], upstream: 'localhost' }, 'upstream must be "host:port" or'],
    [{ plugins: [], upstream: 'localhost:65536' }, 'upstream must be "host:port" or'],
    [{ plugins: [], upstream: 'http://localhost:80' }, 'upstream must be "host:port" or'],
    [{ plugins: [], upstream: { host: 'a' } }, 'upstream.port must be given'],
    [{ plugins: [], upstream: { host: 'a', port: 0 } }, 'upstream.port must be a whole number'],
    [{ plugins: [], upstream: { host: 'a', port: 1, tls: 'yes' } }, 'upstream.tls must be'],
    [{ plugins: [], upstream: 'a:1', hots: 1 }, 'did you mean host?'],
    [{ plugins: [], upstream: 'a:1', host: {} }, 'host must be a host (of createHost)'],
    [{ plugins: [], upstream: 'a:1', drainTimeoutMs: 0 }, 'drainTimeoutMs must be'],
  ])('%j are refused: %s', (options, message) => {
    expect(() => createTcpProxy(options as never)).toThrowError(
      expect.objectContaining({
        code: 'PW_ERR_OPTIONS_INVALID',
        message: expect.stringContaining(message) as string,
      }),
    );
  });

  it('take an address of IPv6', async () => {
    const proxy = createTcpProxy({ plugins: [], upstream: '[::1]:1' });
    await proxy.close();
  });
});
