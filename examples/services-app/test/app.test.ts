import request from 'supertest';
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from 'vitest';
import type { Clock } from '@proxy-wasm-node/core';

import { createApp } from '../app.js';
import { startAuthorizationServer } from '../authorization-server.js';

const lines: string[] = [];
const take = (_fields: object, message: string): void => void lines.push(message);
const logger = { info: take, warn: take, error: take };

/** For what comes a little later; a machine may be slow. */
const WAIT = { timeout: 10_000 };

/** Time passes only when the test says so; then all timers run once. */
const timers = new Set<() => void>();
let nowMs = 1_000_000;
const clock: Clock = {
  nowNs: () => BigInt(nowMs) * 1_000_000n,
  setTimer: (callback) => {
    timers.add(callback);
    return callback;
  },
  clearTimer: (callback) => void timers.delete(callback as () => void),
};
function passTime(ms: number): void {
  nowMs += ms;
  for (const callback of [...timers]) {
    timers.delete(callback);
    callback();
  }
}

const clerks = await startAuthorizationServer();
const { app, ready, close } = createApp({ clerks: clerks.origin, logger, clock });

beforeAll(async () => {
  await ready();
  await vi.waitFor(() => {
    passTime(10_000);
    expect(lines).toContainEqual(expect.stringContaining('new rules'));
  }, WAIT);
});
afterAll(async () => {
  await close();
  clerks.close();
});
// A new window for each test.
beforeEach(() => {
  passTime(10_000);
});

/** The value of one line of /metrics. */
async function metric(name: string): Promise<number> {
  const { text } = await request(app).get('/metrics').expect(200);
  const line = text.split('\n').find((each) => each.startsWith(`wasmcustom_${name} `));
  return Number(line?.split(' ').at(-1));
}

describe('the services example', () => {
  it('lets a client make five requests in ten seconds', async () => {
    for (const left of ['4', '3', '2', '1', '0']) {
      const answer = await request(app).get('/').expect(200, 'hello from release blue\n');
      expect(answer.headers['x-ratelimit-remaining']).toBe(left);
    }
    const refusal = await request(app).get('/').expect(429);
    expect(refusal.headers['retry-after']).toBe('10');
    await request(app).get('/').set('x-api-key', 'other').expect(200);
    passTime(10_000);
    await request(app).get('/').expect(200);
  });

  it('does what the rules say, as soon as they have been fetched', async () => {
    const set = (rules: object) => request(app).put('/rules').send(rules).expect(204);
    const fetched = async (check: () => Promise<unknown>): Promise<void> => {
      await vi.waitFor(async () => {
        passTime(10_000);
        await check();
      }, WAIT);
    };
    await set({ requestHeaders: { 'x-release': 'green' } });
    await fetched(() => request(app).get('/').expect(200, 'hello from release green\n'));
    await set({ maintenance: 'back at noon' });
    await fetched(() => request(app).get('/').expect(503, 'back at noon'));
    // Rules that are none change nothing.
    await set({ maintenance: 12 });
    await fetched(async () => {
      expect(lines.at(-1)).toContain('the rules stay as they are: bad rules');
    });
    await request(app).get('/').expect(503, 'back at noon');
    await set({ requestHeaders: { 'x-release': 'blue' } });
    await fetched(() => request(app).get('/').expect(200, 'hello from release blue\n'));
  });

  it.each([
    ['/account', 'hello ann\n'],
    ['/reports', 'reports for ann\n'],
  ])('asks who is asking, by HTTP: %s', async (path, answer) => {
    await request(app).get(path).expect(401, 'who are you?\n');
    const asAnn = request(app).get(path).set('authorization', 'Bearer secret');
    await asAnn.set('x-auth-user', 'root').expect(200, answer);
  });

  it('asks who is asking, by gRPC', async () => {
    await request(app).get('/orders').expect(403, 'orders are for clerks\n');
    const asClerk = request(app).get('/orders').set('authorization', 'Bearer clerk');
    await asClerk.set('x-auth-role', 'owner').expect(200, 'orders for a clerk\n');
  });

  it('counts, for Prometheus', async () => {
    const before = {
      all: await metric('proxy_wasm_go_request_counter'),
      gets: await metric('requests_total_method_GET'),
      refused: await metric('request_duration_ms_count{status_class="4xx"}'),
      responses: await metric('responses_total{status_class="4xx"}'),
      sizes: await metric('response_body_bytes_count'),
    };
    await request(app).get('/').set('x-tenant', 'blue');
    await request(app).delete('/').set('x-tenant', 'mine').expect(404);
    await request(app).get('/account').expect(401);
    expect(await metric('proxy_wasm_go_request_counter')).toBe(before.all + 3);
    const labels = (value: string): string => `{value="${value}",reporter="wasmgosdk"}`;
    expect(await metric(`custom_header_value_counts${labels('blue')}`)).toBe(1);
    expect(await metric(`custom_header_value_counts${labels('other')}`)).toBe(1);
    expect(await metric('responses_total{status_class="4xx"}')).toBe(before.responses + 2);
    // These come after the response: from the queue, and at the end of the exchange.
    await vi.waitFor(async () => {
      expect(await metric('requests_total_method_GET')).toBe(before.gets + 2);
      expect(await metric('requests_total_method_DELETE')).toBe(1);
      const refused = await metric('request_duration_ms_count{status_class="4xx"}');
      expect(refused).toBe(before.refused + 2);
      expect(await metric('response_body_bytes_count')).toBe(before.sizes + 3);
    }, WAIT);
    expect(await metric('requests_total')).toBe(before.all + 3);
  });
});
