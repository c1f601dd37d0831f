import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createApp } from '../app.js';

const lines: string[] = [];
const stream = { write: (line: string): void => void lines.push(line) };
let app: Awaited<ReturnType<typeof createApp>>;

beforeAll(async () => {
  app = await createApp({ logger: { stream } });
  await app.ready();
});
afterAll(() => app.close());

describe('the Fastify example', () => {
  it('says hello, with what the C++ filter adds, and logs each request header in Go', async () => {
    lines.length = 0;
    const answer = await request(app.server)
      .get('/')
      .set('x-test', 'seen')
      .expect(200, 'hello world\n');
    expect(answer.headers['x-wasm-custom']).toBe('FOO');
    expect(lines.join('')).toContain('wasm log hello: request header: x-test: seen');
  });

  it('asks for credentials below /admin', async () => {
    await request(app.server).get('/admin').expect(401);
    await request(app.server)
      .get('/admin')
      .auth('alice', 'wonderland')
      .expect(200, 'hello alice\n');
  });

  it('refuses orders that are none', async () => {
    const order = { id: 1, item: 'tea', quantity: 2 };
    const answer = await request(app.server).post('/orders').send(order).expect(200);
    expect(JSON.parse(answer.text)).toEqual(order);
    await request(app.server).post('/orders').send({ id: 1 }).expect(403);
  });

  it('masks card numbers, with inject too', async () => {
    await request(app.server).get('/secret').expect(200, 'card XXXX-XXXX-XXXX-1111\n');
    const injected = await app.inject({ path: '/secret' });
    expect(injected.body).toBe('card XXXX-XXXX-XXXX-1111\n');
  });

  it('has a route that no filter sees', async () => {
    const answer = await request(app.server).get('/health').expect(200, 'ok\n');
    expect(answer.headers['x-wasm-custom']).toBeUndefined();
  });
});
