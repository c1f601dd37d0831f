/** What becomes of calls: ids, limits, and who is told when something ends before them. */
import { describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest } from '../../../conformance/src/guests/wat-guest.js';
import type { UpstreamFunction } from '../../src/index.js';
import { callingPlugin } from '../support/calling-plugin.js';

const now: UpstreamFunction = () => new Response('now');
const call = (upstream: string): Operation => ({ httpCall: { upstream } });

/** An upstream whose answers wait until they are let go. */
function waiting() {
  const waiters: (() => void)[] = [];
  const answer: UpstreamFunction = (request) =>
    new Promise((resolve) => {
      waiters.push(() => {
        resolve(new Response(request.url));
      });
    });
  return { answer, waiters };
}

describe('ids', () => {
  it('count up by four, in the VM and not in the plugin', async () => {
    const calls = [call('now'), { logLastCall: true }, call('now'), { logLastCall: true }] as const;
    const options = {
      host: { upstreams: { now } },
      callbacks: { proxy_on_http_call_response: [{ log: 'x' }] as const },
      plugin: { vm: { id: 'shared' } },
    };
    const { host, wait, texts } = await callingPlugin(calls, options);
    expect(texts().slice(0, 2)).toEqual(['4', '8']);
    await wait(4);
    const code = await guest({
      callbacks: { proxy_on_configure: calls, ...options.callbacks },
    });
    await host.createPlugin({ code, name: 'other', vm: { id: 'shared' } });
    expect(texts().slice(4, 6)).toEqual(['12', '16']);
  });

  it('of calls that failed to start are 0', async () => {
    const { texts } = await callingPlugin([call('nobody'), { logLastCall: true }]);
    expect(texts('info')).toEqual(['0']);
  });
});

describe('the callback', () => {
  it('comes to the plugin context, once for each call, in the order of the answers', async () => {
    const { answer, waiters } = waiting();
    const { wait, texts } = await callingPlugin([call('w'), call('w'), call('w')], {
      host: { upstreams: { w: answer } },
      callbacks: { proxy_on_http_call_response: [{ logContext: true }, { logCall: true }] },
    });
    await expect.poll(() => waiters.length).toBe(3);
    for (const index of [2, 0, 1]) {
      waiters[index]?.();
      await wait(texts().length + 2);
    }
    expect(texts()).toEqual(['1', '12 2', '1', '4 2', '1', '8 2']);
  });

  it('is not needed: a call without one is over when it is answered', async () => {
    const code = await guest({
      callbacks: {
        proxy_on_configure: [{ setTickPeriod: 5 }],
        proxy_on_tick: [call('now'), { logStatus: true }],
      },
    });
    const { wait, texts } = await callingPlugin([], {
      host: { upstreams: { now } },
      plugin: { code, limits: { upstreamCalls: 1 } },
    });
    await wait(3);
    expect(texts().slice(0, 3)).toEqual(['status 0', 'status 0', 'status 0']);
  });

  it('may call again, also from ticks', async () => {
    const { wait } = await callingPlugin([{ setTickPeriod: 1 }], {
      host: { upstreams: { now } },
      callbacks: {
        proxy_on_tick: [{ setTickPeriod: 0 }, call('now'), { log: 'ticked' }],
        proxy_on_http_call_response: [
          { logCall: true },
          { ofCall: [4, [call('now')]] },
          { ofCall: [8, [call('now')]] },
        ],
      },
    });
    expect(await wait(4)).toEqual(['ticked', '4 2', '8 2', '12 2']);
  });

  it('that traps ends the VM, and what else is in flight is cancelled', async () => {
    const { answer, waiters } = waiting();
    let aborted = 0;
    const counting: UpstreamFunction = (request) => {
      request.signal.addEventListener('abort', () => (aborted += 1));
      return answer(request);
    };
    const { plugin, texts } = await callingPlugin([call('w'), call('now')], {
      host: { upstreams: { w: counting, now } },
      callbacks: { proxy_on_http_call_response: [{ log: 'told' }, { trap: true }] },
      plugin: { failurePolicy: 'fail-closed' },
    });
    await expect.poll(() => plugin.state).toBe('failed');
    expect(aborted).toBe(1);
    for (const letGo of waiters) letGo();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(texts('info')).toEqual(['told']);
    expect(texts('error')[0]).toMatch(/proxy_on_http_call_response trapped/);
  });
});

describe('a plugin that closes', () => {
  it('cancels what is in flight; its guest hears of it no more', async () => {
    const { answer, waiters } = waiting();
    const { plugin, texts } = await callingPlugin([call('w')], {
      host: { upstreams: { w: answer } },
      callbacks: { proxy_on_http_call_response: [{ log: 'told' }] },
    });
    await plugin.close();
    for (const letGo of waiters) letGo();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(texts()).toEqual([]);
  });

  it('still hears of calls while it waits for proxy_done', async () => {
    const { plugin, wait } = await callingPlugin([], {
      host: { upstreams: { now } },
      callbacks: {
        proxy_on_done: [call('now'), { return: 0 }],
        proxy_on_http_call_response: [{ log: 'told' }, { done: true }],
      },
    });
    await plugin.close();
    expect(await wait(1)).toEqual(['told']);
  });

  it('can not call from its last callback', async () => {
    const { plugin, texts } = await callingPlugin([], {
      host: { upstreams: { now } },
      callbacks: { proxy_on_delete: [call('now'), { logStatus: true }] },
    });
    await plugin.close();
    expect(texts('info')).toEqual(['status 10']);
  });

  it('that could not be configured has no calls left', async () => {
    let asked = 0;
    const answer: UpstreamFunction = () => {
      asked += 1;
      return new Response();
    };
    const failing = callingPlugin([call('w'), { return: 0 }], {
      host: { upstreams: { w: answer } },
    });
    await expect(failing).rejects.toThrow('proxy_on_configure returned false');
    await new Promise((resolve) => setTimeout(resolve, 5));
    expect(asked).toBe(0);
  });
});

it('no more calls are in flight than the limit says', async () => {
  const { answer, waiters } = waiting();
  const calls = [call('w'), call('w'), call('w'), { logStatus: true }] as const;
  const { wait, texts } = await callingPlugin(calls, {
    host: { upstreams: { w: answer } },
    plugin: { limits: { upstreamCalls: 2 } },
    callbacks: {
      proxy_on_http_call_response: [
        { logCall: true },
        { ofCall: [4, [call('w'), { logStatus: true }]] },
      ],
    },
  });
  expect(texts('info')).toEqual(['status 10']);
  expect(texts('warn')[0]).toMatch(/2 calls are in flight, which is the limit/);
  await expect.poll(() => waiters.length).toBe(2);
  waiters[0]?.();
  expect((await wait(4)).slice(2)).toEqual(['4 2', 'status 0']);
});
