import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host } from '../../src/index.js';
import { recordLog } from '../support/record-log.js';
import { TestClock } from '../support/test-clock.js';

const open: Host[] = [];

function newHost() {
  const clock = new TestClock();
  const log = recordLog();
  const host = createHost({ clock, logger: log.logger });
  open.push(host);
  return { clock, log, host };
}

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((host) => host.close()));
});

const ticking = (callbacks: GuestScript['callbacks'] = {}): Promise<Uint8Array> =>
  guest({
    callbacks: {
      proxy_on_configure: [{ setTickPeriod: 100 }],
      proxy_on_tick: [{ log: 'tick' }],
      ...callbacks,
    },
  });

async function tickingPlugin(callbacks?: GuestScript['callbacks'], options?: object) {
  const setUp = newHost();
  const code = await ticking(callbacks);
  const plugin = await setUp.host.createPlugin({ code, ...options });
  return { ...setUp, plugin };
}

describe('proxy_on_tick', () => {
  it('comes from configuration on, without any request', async () => {
    const { clock, log } = await tickingPlugin();
    clock.advance(250);
    expect(log.texts()).toEqual(['tick', 'tick']);
  });

  it('comes to the plugin context, whichever context has asked', async () => {
    const { clock, log } = await tickingPlugin({ proxy_on_tick: [{ logContext: true }] });
    clock.advance(100);
    expect(log.texts()).toEqual(['1']);
  });

  it('ends when the guest asks for a period of 0', async () => {
    const { clock, log } = await tickingPlugin({
      proxy_on_tick: [{ log: 'tick' }, { setTickPeriod: 0 }],
    });
    clock.advance(1000);
    expect([log.texts(), clock.waiting]).toEqual([['tick'], 0]);
  });

  it('goes on until a closing plugin is done, and not longer', async () => {
    const { clock, log, plugin } = await tickingPlugin({
      proxy_on_tick: [{ log: 'tick' }, { done: true }],
      proxy_on_done: [{ log: 'done?' }, { return: 0 }],
      proxy_on_delete: [{ log: 'delete' }, { setTickPeriod: 1 }],
    });
    const closing = plugin.close();
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['done?']);
    });
    clock.advance(100);
    await closing;
    clock.advance(1000);
    expect([log.texts(), clock.waiting]).toEqual([['done?', 'tick', 'delete'], 0]);
  });

  it('never comes where the plugin was refused', async () => {
    const { clock, host } = newHost();
    const code = await ticking({ proxy_on_configure: [{ setTickPeriod: 100 }, { return: 0 }] });
    for (const vm of [{}, { id: 'shared' }]) {
      await expect(host.createPlugin({ code, vm })).rejects.toMatchObject({
        code: 'PW_ERR_CONFIGURE_REFUSED',
      });
    }
    expect(clock.waiting).toBe(0);
  });

  it('is one timer for each plugin context of a shared VM', async () => {
    const { clock, log, host } = newHost();
    const code = await ticking({ proxy_on_tick: [{ logContext: true }] });
    const vm = { id: 'shared' };
    const first = await host.createPlugin({ code, vm, rootId: 'a' });
    await host.createPlugin({ code, vm, rootId: 'b' });
    clock.advance(100);
    await first.close();
    clock.advance(100);
    expect(log.texts()).toEqual(['1', '2', '2']);
  });

  it('moves to the new context with a reload', async () => {
    const { clock, log, plugin } = await tickingPlugin({ proxy_on_delete: [{ log: 'delete' }] });
    await plugin.reload();
    await vi.waitFor(() => {
      expect(log.texts()).toEqual(['delete']);
    });
    clock.advance(100);
    expect([log.texts(), clock.waiting]).toEqual([['delete', 'tick'], 1]);
  });

  it('ends with a VM that traps, and comes again when the plugin has healed', async () => {
    const { clock, log, plugin } = await tickingPlugin({
      proxy_on_tick: [{ log: 'tick' }, { trap: true }],
    });
    const failed = vi.fn();
    plugin.on('failed', failed);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
    clock.advance(100);
    expect(failed).toHaveBeenCalledOnce();
    expect([plugin.state, clock.waiting]).toEqual(['failed', 0]);
    clock.advance(1000);
    expect(log.texts('info')).toEqual(['tick']);
    await plugin.reload();
    expect([plugin.state, clock.waiting]).toEqual(['running', 1]);
    clock.advance(100);
    expect(log.texts('info')).toEqual(['tick', 'tick']);
    expect(log.texts('error')[0]).toContain('proxy_on_tick trapped (context 1)');
  });

  it('stops with the host', async () => {
    const { clock, host } = await tickingPlugin();
    await host.close();
    expect(clock.waiting).toBe(0);
  });

  it('waits where a guest is running', async () => {
    const { clock, host } = newHost();
    const order: string[] = [];
    // A logger that lets time pass while the guest is in its hostcall.
    const info = (_fields: object, message: string): void => {
      order.push(message);
      if (message.endsWith('begin')) clock.advance(100);
    };
    const code = await guest({
      callbacks: {
        proxy_on_configure: [{ setTickPeriod: 100 }, { log: 'begin' }, { log: 'end' }],
        proxy_on_tick: [{ log: 'tick' }],
      },
    });
    await host.createPlugin({ code, logger: { info } });
    expect(order).toEqual(['wasm log: begin', 'wasm log: end', 'wasm log: tick']);
  });

  it('runs on real timers', async () => {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    open.push(host);
    const code = await ticking({ proxy_on_configure: [{ setTickPeriod: 5 }] });
    await host.createPlugin({ code });
    await vi.waitFor(() => {
      expect(log.texts().length).toBeGreaterThanOrEqual(3);
    });
  });
});

describe('clocks', () => {
  it.each<[string, object]>([
    ['only setTimer', { nowNs: () => 0n, setTimer: () => 0 }],
    ['only clearTimer', { nowNs: () => 0n, clearTimer: () => undefined }],
    ['timers of a wrong kind', { nowNs: () => 0n, setTimer: 1, clearTimer: 1 }],
  ])('with %s are refused', (_what, clock) => {
    expect(() => createHost({ clock: clock as never })).toThrow(
      'clock must be an object with both setTimer and clearTimer, or neither',
    );
  });
});
