import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

import { createApp } from '../app.js';

const lines: string[] = [];
const take = (_fields: object, message: string): void => void lines.push(message);
const { app, filter } = createApp({ logger: { info: take, warn: take, error: take } });
const server = app.callback();

beforeAll(() => filter.ready());
afterAll(() => filter.close());

describe('the Koa example', () => {
  it('says hello, with what the C++ filter adds, and logs each request header in Go', async () => {
    lines.length = 0;
    const answer = await request(server)
      .get('/')
      .set('x-test', 'seen')
      .expect(200, 'hello world\n');
    expect(answer.headers['x-wasm-custom']).toBe('FOO');
    expect(answer.headers['content-type']).toBe('text/plain; charset=utf-8');
    expect(lines).toContain('wasm log hello: NewHttpContext');
    expect(lines).toContain('wasm log hello: request header: x-test: seen');
    expect(lines).toContain('wasm log hello: request header: :path: /');
  });

  it('asks for credentials below /admin', async () => {
    const answer = await request(server).get('/admin').expect(401);
    expect(answer.headers['www-authenticate']).toContain('Basic');
    await request(server).get('/admin').auth('alice', 'wrong').expect(401);
    await request(server).get('/admin').auth('alice', 'wonderland').expect(200, 'hello alice\n');
    await request(server).get('/admin').set('x-user', 'alice').expect(401);
  });

  it('refuses orders that are none', async () => {
    const order = { id: 1, item: 'tea', quantity: 2 };
    const answer = await request(server).post('/orders').send(order).expect(200);
    expect(JSON.parse(answer.text)).toEqual(order);
    for (const body of ['{"id":1,"item":"tea"}', '{"id":', '[]', 'tea']) {
      const refusal = await request(server)
        .post('/orders')
        .set('content-type', 'application/json')
        .send(body)
        .expect(403);
      expect(JSON.parse(refusal.text)).toHaveProperty('error');
    }
  });

  it('masks card numbers', async () => {
    await request(server).get('/secret').expect(200, 'card XXXX-XXXX-XXXX-1111\n');
  });
});
