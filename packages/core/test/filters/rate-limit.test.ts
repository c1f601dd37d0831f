/** The filter rate-limit on real servers. */
import { describe, expect, it } from 'vitest';

import { createSharedState, type PluginOptions } from '../../src/index.js';
import type { SharedState } from '../../src/services/shared-state.js';
import { exampleFilter, exampleHost, refusalOf, serveBehind } from '../support/example-filters.js';
import { TestClock } from '../support/test-clock.js';

const code = exampleFilter('rate-limit');

/** A plugin that lets 100 requests pass in a window, if nothing else is said. */
const limiter = (configuration: object = {}, vm?: PluginOptions['vm']): PluginOptions => ({
  code,
  configuration: { limit: 100, windowSeconds: 60, ...configuration },
  ...(vm && { vm }),
});

/** Time stands still, so that no window ends in the middle of a test. */
function stillHost(sharedState?: SharedState) {
  const clock = new TestClock();
  const example = exampleHost({ clock, ...(sharedState && { sharedState }) });
  return { example, clock };
}

async function statusOf(url: string, headers: Record<string, string> = {}): Promise<number> {
  const response = await fetch(url, { headers });
  await response.arrayBuffer();
  return response.status;
}

/** Sends so many requests at once to each; answers how many came back with which status. */
async function flood(urls: readonly string[], each: number): Promise<Record<number, number>> {
  const counts: Record<number, number> = {};
  const sent = urls.flatMap((url) => Array.from({ length: each }, () => statusOf(url)));
  for (const status of await Promise.all(sent)) counts[status] = (counts[status] ?? 0) + 1;
  return counts;
}

describe('rate-limit', () => {
  it('lets exactly so many pass of many at once', async () => {
    const { example } = stillHost();
    const url = await serveBehind(example, [limiter()]);
    expect(await flood([url], 300)).toEqual({ 200: 100, 429: 200 });
    expect(example.log.texts()).toEqual([]);
  });

  it.each<[string, PluginOptions['vm'][], number]>([
    ['two VMs without a vm id', [undefined, undefined], 2],
    [
      'two VMs of one vm id',
      [
        { id: 'a', configuration: '1' },
        { id: 'a', configuration: '2' },
      ],
      2,
    ],
    ['two plugins in one VM', [{ id: 'a' }, { id: 'a' }], 1],
  ])('counts as one: %s', async (_what, vms, created) => {
    const { example } = stillHost();
    const urls = await Promise.all(vms.map((vm) => serveBehind(example, [limiter({}, vm)])));
    expect(await flood(urls, 150)).toEqual({ 200: 100, 429: 200 });
    const active = example.host.metrics.read().find(({ name }) => name === 'wasm.active');
    expect(active?.value).toBe(created);
  });

  it.each<[string, PluginOptions[]]>([
    ['vm ids', [limiter({}, { id: 'a' }), limiter({}, { id: 'b' })]],
    ['names', [limiter({ name: 'a' }), limiter({ name: 'b' })]],
    ['windows', [limiter(), limiter({ windowSeconds: 30 })]],
  ])('keeps apart what has other %s', async (_what, plugins) => {
    const { example } = stillHost();
    const urls = await Promise.all(plugins.map((plugin) => serveBehind(example, [plugin])));
    expect(await flood(urls, 150)).toEqual({ 200: 200, 429: 100 });
  });

  it('tells how many are left, and when there are new ones', async () => {
    const { example, clock } = stillHost();
    const url = await serveBehind(example, [limiter({ limit: 2 })]);
    const told = async () => {
      const { status, headers } = await fetch(url);
      const names = ['limit', 'remaining', 'reset'].map((name) => `x-ratelimit-${name}`);
      return [status, ...[...names, 'retry-after'].map((name) => headers.get(name))];
    };
    clock.advance(15_000);
    expect(await told()).toEqual([200, '2', '1', '45', null]);
    clock.advance(44_999);
    expect(await told()).toEqual([200, '2', '0', '1', null]);
    expect(await told()).toEqual([429, '2', '0', '1', '1']);
    clock.advance(1);
    expect(await told()).toEqual([200, '2', '1', '60', null]);
    clock.advance(1);
    expect(await told()).toEqual([200, '2', '0', '60', null]);
    expect(await told()).toEqual([429, '2', '0', '60', '60']);
  });

  it('answers in the app’s place, once', async () => {
    const { example } = stillHost();
    let calls = 0;
    const url = await serveBehind(example, [limiter({ limit: 1 })], (_req, res) => {
      calls += 1;
      res.end();
    });
    await statusOf(url);
    const response = await fetch(url, { method: 'POST', body: 'x'.repeat(100_000) });
    expect([response.status, await response.text()]).toEqual([429, '429 Too Many Requests\n']);
    expect(response.headers.get('content-type')).toBe('text/plain; charset=utf-8');
    expect(calls).toBe(1);
  });

  it('knows clients by a header, and those without one by their address', async () => {
    const { example } = stillHost();
    const url = await serveBehind(example, [limiter({ limit: 1, header: 'X-Api-Key' })]);
    const a = { 'x-api-key': 'a' };
    expect([await statusOf(url, a), await statusOf(url, a)]).toEqual([200, 429]);
    expect(await statusOf(url, { 'x-api-key': 'b' })).toBe(200);
    expect([await statusOf(url), await statusOf(url, { 'x-api-key': '' })]).toEqual([200, 429]);
  });
});

/** A store whose value somebody else changes between a filter's reading and its writing. */
function contended(times: number): { store: SharedState; mismatches: () => number } {
  const store = createSharedState();
  const set = store.set.bind(store);
  let left = times;
  let mismatches = 0;
  store.set = (vmId, key, value, cas) => {
    if (left > 0) {
      left -= 1;
      // The other one has read the same, and writes the same.
      expect(set(vmId, key, Uint8Array.from(value), cas)).toBe('ok');
    }
    const result = set(vmId, key, value, cas);
    if (result === 'cas-mismatch') mismatches += 1;
    return result;
  };
  return { store, mismatches: () => mismatches };
}

describe('rate-limit, where others write at the same time', () => {
  it.each([1, 3, 50])('loses no count, %i times', async (times) => {
    const { store, mismatches } = contended(times);
    const url = await serveBehind(stillHost(store).example, [limiter()]);
    // What the others have counted is gone for this one.
    expect(await flood([url], 150)).toEqual({ 200: 100 - times, 429: 50 + times });
    expect(mismatches()).toBe(times);
  });
});

describe('rate-limit, where the store fails', () => {
  function failingOnce(method: 'get' | 'set'): SharedState {
    const store = createSharedState();
    const whole = store[method].bind(store);
    store[method] = () => {
      store[method] = whole as never;
      throw new Error('the store is away');
    };
    return store;
  }
  const told = [
    expect.stringContaining('the store is away'),
    expect.stringMatching(/^requests cannot be counted: .*internal failure$/),
  ];

  it.each(['get', 'set'] as const)('lets pass, and says so: %s', async (method) => {
    const { example } = stillHost(failingOnce(method));
    const url = await serveBehind(example, [limiter({ limit: 1 })]);
    const { status, headers } = await fetch(url);
    expect([status, headers.get('x-ratelimit-limit')]).toEqual([200, null]);
    expect(example.log.texts()).toEqual(told);
    expect([await statusOf(url), await statusOf(url)]).toEqual([200, 429]);
    expect(example.log.texts()).toEqual([...told, 'requests are counted again']);
  });

  it('lets nobody pass, if that was asked for', async () => {
    const { example } = stillHost(failingOnce('set'));
    const url = await serveBehind(example, [limiter({ failureModeDeny: true })]);
    const response = await fetch(url);
    expect([response.status, await response.text()]).toEqual([503, '503 Service Unavailable\n']);
    expect(await statusOf(url)).toBe(200);
  });
});

it.each<[PluginOptions['configuration'], string]>([
  [undefined, 'there is none; give at least {"limit": …, "windowSeconds": …}'],
  ['{"limit"', 'unexpected EOF'],
  [{ limit: 0, windowSeconds: 1 }, 'limit is not from 1 to 1000000000'],
  [{ limit: 1 }, 'windowSeconds is not from 1 to 2678400'],
  [{ limit: 1, windowSeconds: 1, header: 'a b' }, 'header "a b" is not the name of a header'],
  [{ limit: 1, windowSeconds: 1, window: 1 }, 'json: unknown field "window"'],
])('rate-limit refuses %j', async (configuration, problem) => {
  expect(await refusalOf('rate-limit', configuration)).toContain(`bad configuration: ${problem}`);
});

it('rate-limit refuses what is no JSON object', async () => {
  expect(await refusalOf('rate-limit', '"ten"')).toContain('bad configuration: json: cannot');
});
