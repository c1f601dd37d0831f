/** The filters queue-producer and queue-consumer, on a real server. */
import { request } from 'node:http';

import { describe, expect, it, vi } from 'vitest';

import { createSharedState } from '../../src/index.js';
import {
  exampleFilter,
  exampleHost,
  refusalOf,
  serveBehind,
  WAIT,
  type ExampleHost,
} from '../support/example-filters.js';

const vm = { id: 'totals' };
const producer = {
  code: exampleFilter('queue-producer'),
  configuration: { queue: 'requests', vmId: vm.id },
};
const consumer = {
  code: exampleFilter('queue-consumer'),
  configuration: { queue: 'requests' },
  vm,
};

/** Resolves with the status; `fetch` would not send every method and path. */
function send(url: string, method: string, path: string): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method, path, agent: false }, (response) => {
      response.resume().on('end', () => {
        resolve(response.statusCode ?? 0);
      });
    });
    sent.on('error', reject).end();
  });
}

/** Waits until the consumer has counted so many. */
async function counted({ metrics }: ExampleHost, total: number): Promise<void> {
  const counts = (): void => {
    expect(metrics()).toMatchObject({ requests_total: total });
  };
  await vi.waitFor(counts, WAIT);
}

describe('queue-producer and queue-consumer', () => {
  it('count all requests, by method, beside the requests', async () => {
    const example = exampleHost();
    await example.host.createPlugin(consumer);
    const url = await serveBehind(example, [producer]);
    expect(example.metrics()).toMatchObject({ requests_total: 0, requests_total_method_GET: 0 });
    const methods = ['GET', 'POST', 'DELETE', 'PURGE', 'GET'];
    const statuses = await Promise.all(
      Array.from({ length: 200 }, (_, index) => send(url, methods[index % 5] ?? '', `/${index}`)),
    );
    expect(new Set(statuses)).toEqual(new Set([200]));
    await counted(example, 200);
    expect(example.metrics()).toMatchObject({
      requests_total_method_GET: 80,
      requests_total_method_POST: 40,
      requests_total_method_DELETE: 40,
      requests_total_method_PATCH: 0,
      requests_total_method_other: 40,
      queue_records_dropped: 0,
    });
    expect(example.log.texts()).toEqual([]);
  });

  it('pass records of method and path, without what follows a question mark', async () => {
    const sharedState = createSharedState();
    const example = exampleHost({ sharedState });
    const queue = sharedState.registerQueue(vm.id, 'requests', { queueReady: () => undefined });
    const url = await serveBehind(example, [producer]);
    await send(url, 'PUT', '/orders/7?token=secret');
    await send(url, 'GET', '/%FF');
    const take = () => Buffer.from(sharedState.dequeue(queue as number) as Uint8Array).toString();
    expect([take(), take()]).toEqual(['PUT /orders/7', 'GET /%FF']);
    expect(sharedState.dequeue(queue as number)).toBe('empty');
  });

  it('take what came before the consumer did, once it is there', async () => {
    const sharedState = createSharedState();
    const example = exampleHost({ sharedState });
    // Somebody else has registered it, and is gone.
    const listener = { queueReady: () => undefined };
    sharedState.registerQueue(vm.id, 'requests', listener);
    sharedState.removeListener(listener);
    const url = await serveBehind(example, [producer]);
    // More than the consumer takes in one callback.
    for (let index = 0; index < 1500; index += 100) {
      await Promise.all(Array.from({ length: 100 }, () => send(url, 'GET', '/')));
    }
    await example.host.createPlugin(consumer);
    await counted(example, 1500);
  });
});

describe('queue-consumer as a service', () => {
  // Its thread reads the host's sources first.
  it('counts on a thread of its own, and goes on with a new producer', async () => {
    const example = exampleHost();
    const service = await example.host.createService(consumer);
    const url = await serveBehind(example, [producer]);
    await Promise.all(Array.from({ length: 300 }, () => send(url, 'GET', '/')));
    const second = await serveBehind(example, [producer]);
    await Promise.all(Array.from({ length: 100 }, () => send(second, 'PUT', '/')));
    await counted(example, 400);
    expect(example.metrics()).toMatchObject({
      requests_total_method_GET: 300,
      requests_total_method_PUT: 100,
      queue_records_dropped: 0,
    });
    expect(service.state).toBe('running');
  }, 60_000);
});

describe('queue-producer', () => {
  it('lets requests pass where there is no queue, and finds one that comes later', async () => {
    const example = exampleHost();
    const url = await serveBehind(example, [producer]);
    expect([await send(url, 'GET', '/a'), await send(url, 'GET', '/b')]).toEqual([200, 200]);
    expect(example.metrics()).toEqual({ queue_records_dropped: 2 });
    const warning = 'records are dropped: queue "requests" is not registered';
    expect(example.log.texts()).toEqual([warning]);
    const first = await example.host.createPlugin(consumer);
    await send(url, 'GET', '/c');
    await counted(example, 1);
    // The queue goes with its plugin; the next one's has another id.
    await first.close();
    await send(url, 'GET', '/d');
    await example.host.createPlugin(consumer);
    await send(url, 'GET', '/e');
    await counted(example, 2);
    const again = 'queue "requests" takes records again';
    const gone = 'proxy_enqueue_shared_queue failed: there is no queue 1; the guest gets NOT_FOUND';
    expect(example.log.texts()).toEqual([warning, again, gone, warning, again]);
    expect(example.metrics()).toMatchObject({ queue_records_dropped: 3 });
  });

  it('lets requests pass where the queue is full, and says so once', async () => {
    const sharedState = createSharedState({ queueLength: 2 });
    const example = exampleHost({ sharedState });
    sharedState.registerQueue(vm.id, 'requests', { queueReady: () => undefined });
    const url = await serveBehind(example, [producer]);
    for (let index = 0; index < 5; index += 1) expect(await send(url, 'GET', '/')).toBe(200);
    expect(example.metrics()).toEqual({ queue_records_dropped: 3 });
    const told = example.log.texts().filter((text) => text.startsWith('records are dropped'));
    expect(told).toEqual([
      'records are dropped: queue "requests" is full, or its store has failed',
    ]);
    expect(example.host.health().plugins).toMatchObject([{ state: 'running' }]);
  });

  it('uses a queue of its own vm id where none is named', async () => {
    const example = exampleHost();
    await example.host.createPlugin({ ...consumer, vm: {} });
    const url = await serveBehind(example, [{ ...producer, configuration: { queue: 'requests' } }]);
    await send(url, 'GET', '/');
    await counted(example, 1);
  });
});

it.each([
  ['queue-producer', undefined, 'bad configuration: there is none; give at least {"queue": …}'],
  ['queue-producer', '{', 'bad configuration: EOF while parsing an object'],
  ['queue-producer', { queue: '' }, 'bad configuration: queue is empty'],
  ['queue-producer', { queue: 'q', vm: 'x' }, 'bad configuration: unknown field `vm`'],
  ['queue-consumer', undefined, 'bad configuration: there is none; give {"queue": …}'],
  ['queue-consumer', { queue: 7 }, 'bad configuration: invalid type: integer `7`'],
])('%s refuses %j', async (name, configuration, problem) => {
  expect(await refusalOf(name, configuration)).toContain(problem);
});
