import request from 'supertest';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';

import { createApp } from '../app.js';

const lines: string[] = [];
const take = (_fields: object, message: string): void => void lines.push(message);
let example: Awaited<ReturnType<typeof createApp>>;

beforeAll(async () => {
  example = await createApp({ logger: { info: take, warn: take, error: take } });
});
afterAll(() => example.close());

/** The counters by name, as Prometheus would read them. */
async function counters(): Promise<Record<string, number>> {
  const { text } = await request(example.app).get('/metrics').expect(200);
  const lines = text.matchAll(/^wasmcustom_(requests_total\w*) (\d+)$/gm);
  return Object.fromEntries([...lines].map(([, name = '', value]) => [name, Number(value)]));
}

describe('the example with a service', () => {
  it('counts each request once, by method, on another thread', async () => {
    const before = await counters();
    expect(before).toMatchObject({ requests_total: 0, requests_total_method_GET: 0 });
    const { app } = example;
    await Promise.all(
      Array.from({ length: 30 }, (_, index) =>
        request(app)
          .get(`/orders/${String(index)}`)
          .expect(200, `GET /orders/${String(index)}\n`),
      ),
    );
    await request(app).post('/orders').expect(200, 'POST /orders\n');
    await vi.waitFor(
      async () => {
        expect(await counters()).toMatchObject({
          requests_total: 31,
          requests_total_method_GET: 30,
          requests_total_method_POST: 1,
        });
      },
      { timeout: 10_000 },
    );
    expect(lines.filter((line) => /dropped|full/.test(line))).toEqual([]);
  });

  it('says how filter and service are', async () => {
    const { body } = await request(example.app).get('/health').expect(200);
    expect(body).toMatchObject({
      ready: true,
      plugins: [{ name: 'queue-producer', state: 'running' }],
      services: [{ name: 'totals', vmId: 'totals', state: 'running' }],
    });
  });
});
