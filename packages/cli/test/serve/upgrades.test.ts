import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

import { expect, it } from 'vitest';

import {
  cluster,
  everything,
  httpYaml,
  portOf,
  serveYaml,
  upstream,
  wasmFilter,
} from './serve-yaml.js';

interface Upgraded {
  readonly status: number;
  readonly body: string;
  readonly socket: Socket | undefined;
  /** What came with the head. */
  readonly head: string;
}

async function upgrade(port: number, headers: Record<string, string> = {}): Promise<Upgraded> {
  const req = request({
    ...{ host: '127.0.0.1', port, path: '/ws', agent: false },
    headers: { connection: 'Upgrade', upgrade: 'websocket', ...headers },
  }).end();
  const [event, [res, socket, head]] = await Promise.race([
    once(req, 'upgrade').then(
      (values) => ['upgrade', values as [IncomingMessage, Socket, Buffer]] as const,
    ),
    once(req, 'response').then(
      (values) => ['response', values as [IncomingMessage, Socket, Buffer]] as const,
    ),
  ]);
  const { statusCode: status = 0 } = res;
  if (event === 'upgrade') return { status, body: '', socket, head: head.toString() };
  let body = '';
  for await (const piece of res.setEncoding('utf8')) body += piece as string;
  return { status, body, socket: undefined, head: '' };
}

/** A proxy in front of a server that says what it is told, once a connection is upgraded. */
async function serveEcho(fields: { manager?: string; filters?: string[]; route?: string } = {}) {
  const app = await upstream((req, res) => res.end(`no upgrade: ${req.headers.upgrade ?? 'none'}`));
  app.on('upgrade', (req: IncomingMessage, socket: Socket) => {
    socket.write(
      'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n',
    );
    socket.write(`${req.url ?? ''} ${String(req.headers['x-user'])};`);
    socket.pipe(socket);
  });
  const { manager = 'upgrade_configs: [{ upgrade_type: websocket }]', filters = [] } = fields;
  return serveYaml(
    httpYaml({
      routes: everything(fields.route ?? 'route: { cluster: app, prefix_rewrite: /inner/ }'),
      clusters: [cluster('app', [portOf(app)])],
      manager,
      filters,
    }),
  );
}

async function echoOf({ socket, head }: Upgraded): Promise<string> {
  let text = head;
  socket?.setEncoding('utf8').on('data', (piece: string) => (text += piece));
  socket?.write('hello');
  await expect.poll(() => text).toMatch(/hello$/);
  socket?.destroy();
  return text;
}

it('passes WebSockets on where the configuration allows it', async () => {
  const { port } = await serveEcho();
  const upgraded = await upgrade(port);
  expect(upgraded.status).toBe(101);
  expect(await echoOf(upgraded)).toBe('/inner/ws undefined;hello');
});

it('lets filters see the head, and refuse', async () => {
  const filter = wasmFilter('basic-auth', '', '{"prefix": "/", "users": {"ann": "secret"}}');
  const { port } = await serveEcho({ filters: [filter] });
  expect((await upgrade(port)).status).toBe(401);
  const authorization = `Basic ${Buffer.from('ann:secret').toString('base64')}`;
  const upgraded = await upgrade(port, { authorization });
  expect(upgraded.status).toBe(101);
  expect(await echoOf(upgraded)).toBe('/inner/ws ann;hello');
});

it('serves the request as if no upgrade had been asked for where none is allowed', async () => {
  const { port } = await serveEcho({ manager: '' });
  expect(await upgrade(port)).toMatchObject({ status: 200, body: 'no upgrade: none' });
});

it('answers where the route has an answer of its own, or none', async () => {
  const route = 'direct_response: { status: 200, body: { inline_string: direct } }';
  const { port } = await serveEcho({ route });
  expect(await upgrade(port)).toMatchObject({ status: 200, body: 'direct' });
});
