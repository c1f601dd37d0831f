/** The Go filter for TCP connections, in a proxy before a server of lines. */
import { createServer } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import type { PluginOptions } from '../../src/index.js';
import { createTcpProxy } from '../../src/tcp/index.js';
import { atTestEnd } from '../support/calling-plugin.js';
import { exampleFilter, exampleHost, refusalOf } from '../support/example-filters.js';
import { listenTcp, TcpClient } from '../support/tcp-server.js';

/** A server that answers each line, and what it has heard. */
async function startGuarded(configuration?: PluginOptions['configuration']) {
  const { host, log, metrics } = exampleHost();
  let heard = '';
  const upstream = await listenTcp(
    createServer({ allowHalfOpen: true }, (socket) => {
      socket.on('error', () => undefined);
      socket.on('data', (chunk: Buffer) => {
        heard += chunk.toString();
        socket.write('OK\r\n'.repeat(chunk.toString().split('\n').length - 1));
      });
      socket.on('end', () => socket.end());
    }),
  );
  const plugin = await host.createPlugin({
    code: exampleFilter('tcp-command-guard'),
    ...(configuration !== undefined && { configuration }),
  });
  const proxy = createTcpProxy({
    plugins: plugin,
    upstream: `127.0.0.1:${String(upstream)}`,
    host,
  });
  const { port } = await proxy.listen(0, '127.0.0.1');
  atTestEnd(() => proxy.close());
  return { port, log, metrics, plugin, heard: () => heard };
}

const NAME = 'tcp_command_guard';

describe('tcp-command-guard', () => {
  it('lets whole lines through, however they come, and counts them', async () => {
    const { port, metrics, heard, plugin } = await startGuarded({ deny: ['shutdown'] });
    const client = new TcpClient(port);
    client.write('get a\r\nget');
    await vi.waitFor(() => expect(metrics()[`${NAME}_received_bytes`]).toBe(10));
    // Not before its last line has ended.
    expect(heard()).toBe('');
    client.write(' b\r\n');
    await vi.waitFor(() => expect(client.text).toBe('OK\r\nOK\r\n'));
    expect(heard()).toBe('get a\r\nget b\r\n');
    expect(metrics()).toMatchObject({
      [`${NAME}_connections`]: 1,
      [`${NAME}_received_bytes`]: 14,
      [`${NAME}_sent_bytes`]: 8,
    });
    // A last line needs no end.
    client.socket.end('quit');
    await client.closed;
    expect(heard()).toBe('get a\r\nget b\r\nquit');
    await vi.waitFor(() => expect(metrics()[`${NAME}_connections`]).toBe(0));
    expect(plugin.streams).toBe(0);
  });

  it('closes a connection that sends a forbidden command, which the server never hears', async () => {
    const { port, metrics, heard, log } = await startGuarded({ deny: ['shutdown'] });
    const client = new TcpClient(port);
    client.write('get a\r\n');
    await vi.waitFor(() => expect(client.text).toBe('OK\r\n'));
    client.write('Shut');
    client.write('down now\r\n');
    await client.ended();
    expect(client.text).toBe('OK\r\n|');
    expect(heard()).toBe('get a\r\n');
    expect(metrics()).toMatchObject({ [`${NAME}_denied`]: 1, [`${NAME}_connections`]: 0 });
    expect(log.texts('warn')).toEqual([
      expect.stringMatching(/^127\.0\.0\.1:\d+: SHUTDOWN is not allowed$|SHUTDOWN is not allowed$/),
    ]);
  });

  it('closes a connection whose line does not end', async () => {
    const { port, heard } = await startGuarded({ maxLineBytes: 16 });
    const client = new TcpClient(port);
    client.write('x'.repeat(17));
    await client.ended();
    expect(heard()).toBe('');
  });

  it('takes no configuration at all, and none that it does not know', async () => {
    const { port, heard } = await startGuarded();
    const client = new TcpClient(port);
    client.write('shutdown\n');
    await vi.waitFor(() => expect(heard()).toBe('shutdown\n'));
    expect(await refusalOf('tcp-command-guard', { denied: [] })).toContain('unknown field');
    expect(await refusalOf('tcp-command-guard', { maxLineBytes: 0 })).toContain('1 or more');
  });
});
