import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

import { describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { assemble, guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { serviceHost } from '../support/service-host.js';

const c = { id: 'c' };
const HEALED = { timeout: 10_000 };

/** Keeps this thread busy. */
function block(timeMs: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, timeMs);
}

/** Logs each message of queue `q`, and traps on those that begin with `x`. */
const CONSUMER: GuestScript['callbacks'] = {
  proxy_on_configure: [{ registerQueue: [0, 'q'] }],
  proxy_on_queue_ready: [
    { logDequeued: 'event' },
    {
      wat: '(if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const 120)) (then unreachable))',
    },
  ],
};

const producer = (...messages: string[]) =>
  guest({
    callbacks: {
      proxy_on_configure: [
        { resolveQueue: [0, 'c', 'q'] },
        ...messages.map((message) => ({ enqueue: [0, message] as const })),
      ],
    },
  });

describe('a service whose guest traps', () => {
  it('says so, starts anew, and gets the messages that it had not seen', async () => {
    const { start, host, log } = serviceHost();
    const service = await start(CONSUMER, { vm: c });
    const events: unknown[] = [];
    service.on('failed', ({ code, callback }, { heals }) => {
      events.push([code, callback, heals, service.state]);
    });
    service.on('recovered', ({ by, failedAttempts }) => {
      events.push([by, failedAttempts, service.state]);
    });
    await host.createPlugin({ code: await producer('a', 'x', 'b', 'c') });
    await vi.waitFor(() => {
      expect(events).toEqual([['PW_ERR_CALLBACK_TRAPPED', 'proxy_on_queue_ready', true, 'failed']]);
    }, HEALED);
    expect(service.failure?.message).toContain('plugin "service": proxy_on_queue_ready trapped');
    expect(host.health()).toMatchObject({
      ready: true,
      services: [{ state: 'failed', failure: { code: 'PW_ERR_CALLBACK_TRAPPED' } }],
    });
    const line = log.lines.find(({ level }) => level === 'error');
    expect(line?.fields['err']).toMatchObject({ code: 'PW_ERR_CALLBACK_TRAPPED' });
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['a', 'x', 'b', 'c']);
    }, HEALED);
    expect(events[1]).toEqual(['restart', 0, 'running']);
    expect(service.failure).toBeUndefined();
    const figures = host.metrics.read().filter(({ labels }) => labels['plugin'] === 'service');
    expect(figures).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ name: 'wasm.vm_failures', value: 1 }),
        expect.objectContaining({ name: 'wasm.vm_reload_success', value: 1 }),
      ]),
    );
  });

  it('stays failed under another policy; its messages are for the next one', async () => {
    const { start, host, log } = serviceHost();
    const service = await start(CONSUMER, { vm: c, failurePolicy: 'fail-closed' });
    await host.createPlugin({ code: await producer('x', 'b', 'c') });
    await vi.waitFor(() => {
      expect(service.state).toBe('failed');
    }, HEALED);
    await new Promise((resolve) => setTimeout(resolve, 2000));
    expect([service.state, log.texts('info')]).toEqual(['failed', ['x']]);
    await start(CONSUMER, { vm: c, name: 'next' });
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['x', 'b', 'c']);
    }, HEALED);
  });
});

describe('a service whose thread dies', () => {
  it('gets a new one, with the messages that the old one had not seen', async () => {
    const { startWithThread, host, log } = serviceHost();
    const { service, thread } = await startWithThread(
      {
        ...CONSUMER,
        // Never comes back, so that what is sent after it waits in the thread.
        proxy_on_queue_ready: [
          ...(CONSUMER.proxy_on_queue_ready ?? []).slice(0, 1),
          {
            wat: '(if (i32.eq (i32.load8_u (i32.load (i32.const 0))) (i32.const 120)) (then (loop $forever (br $forever))))',
          },
        ],
      },
      { vm: c },
    );
    const events: unknown[] = [];
    service.on('failed', (error) => events.push(error.code));
    service.on('recovered', () => events.push('recovered'));
    host.sharedData.set('k', 'v', { vmId: 'c' });
    await host.createPlugin({ code: await producer('a', 'x', 'b', 'c') });
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['a', 'x']);
    }, HEALED);
    await thread.terminate();
    await vi.waitFor(() => {
      expect(events).toEqual(['PW_ERR_SERVICE_THREAD']);
    }, HEALED);
    expect(service.failure?.message).toMatch(/thread of the service ended: it exited with code 1/);
    expect(log.texts('error').join()).toContain('service "service": the thread of the service');
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['a', 'x', 'b', 'c']);
    }, HEALED);
    expect(events).toEqual(['PW_ERR_SERVICE_THREAD', 'recovered']);
    expect(host.sharedData.get('k', { vmId: 'c' })?.value.toString()).toBe('v');
  });

  it('stays failed under another policy, and can be closed', async () => {
    const { startWithThread, host } = serviceHost();
    const { service, thread } = await startWithThread({}, { failurePolicy: 'fail-open' });
    await thread.terminate();
    await vi.waitFor(() => {
      expect(service.state).toBe('failed');
    }, HEALED);
    await service.close();
    expect([service.state, host.health().services]).toEqual(['closed', undefined]);
  });
});

describe('a service that never returns', () => {
  const forever = (loop: Operation): GuestScript['callbacks'] => ({
    proxy_on_configure: [{ setTickPeriod: 1 }],
    proxy_on_tick: [{ log: 'begins' }, loop],
  });
  const LOGS_FOREVER = { wat: '(loop $forever (call $sayNumber (i32.const 7)) (br $forever))' };
  const noLimit = { limits: { callbackTimeMs: false as const }, closeTimeoutMs: 300 };

  it.each<[string, Operation]>([
    ['in silence', { loopForever: true }],
    ['and logs', LOGS_FOREVER],
  ])('%s, delays no request, and ends when it is closed', async (_how, loop) => {
    const { start, host, log } = serviceHost();
    const service = await start(forever(loop), noLimit);
    await vi.waitFor(() => {
      expect(log.texts()).toContain('begins');
    }, HEALED);
    const filter = wasmFilter(
      {
        code: await guest({
          callbacks: { proxy_on_request_headers: [{ add: [0, 'x-seen', 'yes'] }] },
        }),
      },
      { host },
    );
    const server = createServer((req, res) => {
      filter(req, res, () => res.end(req.headers['x-seen']));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const { port } = server.address() as AddressInfo;
    for (let request = 0; request < 20; request += 1) {
      const response = await fetch(`http://127.0.0.1:${String(port)}/`);
      expect([response.status, await response.text()]).toEqual([200, 'yes']);
    }
    server.closeAllConnections();
    server.close();
    await filter.close();
    await service.close();
    expect(service.state).toBe('closed');
    expect(log.texts('warn').join()).toContain('did not finish within 300 ms of being closed');
  });

  it('while it starts, is ended when the time for a start is over', async () => {
    const { start, host } = serviceHost();
    const callbacks: GuestScript['callbacks'] = { proxy_on_configure: [{ loopForever: true }] };
    const limits = { callbackTimeMs: false as const, startTimeMs: 2000 };
    await expect(start(callbacks, { limits, closeTimeoutMs: 300 })).rejects.toMatchObject({
      code: 'PW_ERR_START_TIMEOUT',
      message: expect.stringContaining('in the thread of the service') as string,
    });
    expect(host.health().services).toBeUndefined();
  });

  it('while it starts, is ended with its host', async () => {
    const { start, host, log } = serviceHost();
    const starting = start(
      { proxy_on_configure: [{ log: 'begins' }, { loopForever: true }] },
      noLimit,
    );
    const refused = expect(starting).rejects.toMatchObject({ code: 'PW_ERR_HOST_CLOSED' });
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['begins']);
    }, HEALED);
    await host.close();
    await refused;
  });

  it('is not one that waits for a busy main thread: that is told of it, and goes on', async () => {
    const { start, host, log } = serviceHost();
    host.sharedData.set('k', 'v');
    const { info } = log.logger;
    log.logger.info = (fields, message) => {
      info?.(fields, message);
      // Right after the service has got its answer.
      if (message.endsWith('now')) process.nextTick(block, 3000);
    };
    await start(
      { proxy_on_configure: [{ log: 'now' }, { logSharedData: 'k' }, { logSharedData: 'k' }] },
      { storeTimeoutMs: 1000 },
    );
    expect(log.texts('info')).toEqual(['now', 'status 10', 'v']);
    expect(log.texts('warn')[0]).toMatch(
      /proxy_get_shared_data failed: the main thread did not get to get within 1000 ms/,
    );
  });
});

describe('the time that a callback of a service may take', () => {
  const COMPUTE = {
    wat: `(local.set $i (i32.const 3000000))
      (loop $more (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`,
  };

  it('does not count what it waits for the main thread', async () => {
    const { start, log } = serviceHost();
    const { info } = log.logger;
    log.logger.info = (fields, message) => {
      info?.(fields, message);
      if (message.endsWith('now')) process.nextTick(block, 3000);
    };
    await start({
      proxy_on_configure: [
        COMPUTE,
        { log: 'now' },
        { logSharedData: 'k' },
        COMPUTE,
        { log: 'after it' },
      ],
    });
    expect(log.texts()).toEqual(['now', 'status 1', 'after it']);
  });

  it('ends one that never returns, and the service starts anew', async () => {
    const { start, log } = serviceHost();
    const service = await start({
      proxy_on_configure: [{ log: 'configured' }, { setTickPeriod: 1 }],
      proxy_on_tick: [{ loopForever: true }],
    });
    await vi.waitFor(() => {
      expect(service.failure?.message).toContain('ran for more than 1000 ms');
    }, HEALED);
    await vi.waitFor(() => {
      expect(log.texts('info')).toEqual(['configured', 'configured']);
    }, HEALED);
  });
});

it('a guest that can not be compiled on its thread is refused as one in the app', async () => {
  const { host } = serviceHost();
  const code = await assemble('(module)');
  await expect(host.createService({ code })).rejects.toMatchObject({ code: 'PW_ERR_MODULE_ABI' });
});
