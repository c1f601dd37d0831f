import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createApp } from '../app.js';
import { createProxy } from '../proxy.js';

const app = createApp();
const seen: IncomingMessage[] = [];
app.on('request', (req) => seen.push(req));
app.listen(0, '127.0.0.1');
await once(app, 'listening');
const target = `http://127.0.0.1:${String((app.address() as AddressInfo).port)}`;
const quiet = (): void => undefined;
const { server, filter } = createProxy(target, {
  logger: { info: quiet, warn: quiet, error: quiet },
});

beforeAll(async () => {
  await filter.ready();
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
});
afterAll(async () => {
  for (const each of [server, app]) {
    each.closeAllConnections();
    each.close();
  }
  await filter.close();
});

const credentials = `Basic ${Buffer.from('alice:wonderland').toString('base64')}`;

function upgrade(authorization?: string): Promise<[IncomingMessage, Socket | undefined, string]> {
  const { port } = server.address() as AddressInfo;
  const headers = {
    connection: 'Upgrade',
    upgrade: 'websocket',
    ...(authorization === undefined ? {} : { authorization }),
  };
  return new Promise((resolve, reject) => {
    const outgoing = httpRequest({ port, host: '127.0.0.1', headers });
    outgoing.on('upgrade', (response, socket, head) => {
      resolve([response, socket, head.toString()]);
    });
    outgoing.on('response', (response) => {
      response.resume();
      resolve([response, undefined, '']);
    });
    outgoing.on('error', reject);
    outgoing.end();
  });
}

describe('the reverse proxy', () => {
  it('asks for credentials before the app is asked', async () => {
    seen.length = 0;
    const answer = await request(server).get('/').expect(401);
    expect(answer.headers['www-authenticate']).toContain('Basic');
    expect(seen).toEqual([]);
  });

  it('edits what goes to the app and what comes back', async () => {
    seen.length = 0;
    const answer = await request(server)
      .get('/?a=b')
      .auth('alice', 'wonderland')
      .expect(200, 'hello alice\n');
    expect(answer.headers['x-wasm-custom']).toBe('FOO');
    expect(seen.map(({ url, headers }) => [url, headers['x-user']])).toEqual([['/?a=b', 'alice']]);
  });

  it('masks card numbers in what the app answers', async () => {
    const answer = request(server).get('/secret').auth('alice', 'wonderland');
    await answer.expect(200, 'card XXXX-XXXX-XXXX-1111\n');
  });

  it('lets only orders through', async () => {
    const order = { id: 1, item: 'tea', quantity: 2 };
    const post = (body: object): request.Test =>
      request(server).post('/orders').auth('alice', 'wonderland').send(body);
    expect(JSON.parse((await post(order).expect(200)).text)).toEqual(order);
    seen.length = 0;
    await post({ id: 1 }).expect(403);
    expect(seen).toEqual([]);
  });

  it('asks for credentials before it lets a connection be upgraded', async () => {
    const [response, socket] = await upgrade();
    expect(response.statusCode).toBe(401);
    expect(socket).toBe(undefined);
  });

  it('tells the app who upgrades, and then passes every byte', async () => {
    const [response, socket, head] = await upgrade(credentials);
    expect(response.statusCode).toBe(101);
    let text = head;
    socket?.on('data', (chunk: Buffer) => (text += chunk.toString()));
    socket?.write('4111-1111-1111-1111');
    await expect.poll(() => text).toBe('hello alice\n4111-1111-1111-1111');
    socket?.destroy();
  });

  it('refuses before the body is asked for', async () => {
    const { port } = server.address() as AddressInfo;
    const headers = { expect: '100-continue', 'content-length': 5 };
    const outgoing = httpRequest({ port, host: '127.0.0.1', method: 'POST', headers });
    let asked = false;
    outgoing.on('continue', () => (asked = true));
    outgoing.on('error', quiet);
    outgoing.flushHeaders();
    const [response] = (await once(outgoing, 'response')) as [IncomingMessage];
    expect(response.statusCode).toBe(401);
    expect(asked).toBe(false);
    outgoing.destroy();
  });
});

it('an app that is gone is a bad gateway', async () => {
  const orphan = createProxy('http://127.0.0.1:1', { logger: { info: quiet, error: quiet } });
  await orphan.filter.ready();
  await request(orphan.server).get('/').auth('alice', 'wonderland').expect(502);
  await orphan.filter.close();
});
