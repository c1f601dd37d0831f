import { afterEach, describe, expect, it } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type ForeignFunction, type Host } from '../../src/index.js';
import { recordLog } from '../support/record-log.js';
import { testStream } from '../support/stream-harness.js';
import { TestClock } from '../support/test-clock.js';

const open: Host[] = [];

function newHost(foreignFunctions: Record<string, ForeignFunction> = {}) {
  const log = recordLog();
  const clock = new TestClock();
  const host = createHost({ logger: log.logger, clock, foreignFunctions });
  open.push(host);
  return { host, log, clock };
}

afterEach(async () => {
  await Promise.all(open.splice(0).map((host) => host.close()));
});

const script = (callbacks: GuestScript['callbacks']): Promise<Uint8Array> => guest({ callbacks });

/** A function whose calls the test answers. */
function pending() {
  const calls: { resolve: (value: string) => void; reject: (error: Error) => void }[] = [];
  const run: ForeignFunction = () =>
    new Promise((resolve, reject) => {
      calls.push({ resolve, reject });
    });
  return { run, calls };
}

/** Lets a promise's reactions run. */
const settle = () => new Promise((resolve) => setImmediate(resolve));

describe('foreign functions', () => {
  it('answer a filter at once', async () => {
    const { host, log } = newHost({ greet: (name) => `hello ${Buffer.from(name).toString()}` });
    const code = await script({ proxy_on_configure: [{ callForeign: ['greet', 'ann'] }] });
    await host.createPlugin({ code });
    expect(log.texts()).toEqual(['hello ann']);
  });

  it('that take time resume the request that waits for them', async () => {
    const { run, calls } = pending();
    const { host, log } = newHost({ slow: run });
    const code = await script({
      proxy_on_request_headers: [{ callForeign: ['slow', 'x'] }, { return: 1 }],
      proxy_on_foreign_function: [
        { logContext: true },
        { logBuffer: [8] },
        { logSize: true },
        { continueStream: 0 },
      ],
    });
    const plugin = await host.createPlugin({ code });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect([ends.take(), log.texts()]).toEqual([[], ['\u0001\0\0\0']]);
    calls[0]?.resolve('answer');
    await settle();
    expect(ends.take()).toEqual(['app headers end']);
    expect(log.texts().slice(1)).toEqual(['2', 'answer', '6']);
    stream.complete();
  });

  it('that reject tell the filter so', async () => {
    const { run, calls } = pending();
    const { host, log } = newHost({ slow: run });
    const code = await script({
      proxy_on_configure: [{ callForeign: ['slow', 'x'] }],
      proxy_on_foreign_function: [{ logSize: true }, { logBuffer: [8] }],
    });
    await host.createPlugin({ code });
    calls[0]?.reject(new Error('no database'));
    await settle();
    expect(log.texts('info').slice(1)).toEqual(['0', '']);
    expect(log.texts('warn')).toEqual([
      'foreign function slow failed: no database; the guest gets size 0',
    ]);
  });

  it('are told to nobody whose stream, plugin or VM is gone', async () => {
    const { run, calls } = pending();
    const { host, log, clock } = newHost({ slow: run });
    const code = await script({
      proxy_on_configure: [{ setTickPeriod: 100 }, { callForeign: ['slow', 'x'] }],
      proxy_on_request_headers: [{ callForeign: ['slow', 'x'] }],
      proxy_on_tick: [{ trap: true }],
      proxy_on_foreign_function: [{ log: 'told' }],
    });
    const plugin = await host.createPlugin({ code });
    const { stream } = testStream();
    stream.join([plugin], true);
    stream.complete();
    calls[1]?.resolve('stream');
    await settle();
    expect(log.texts()).not.toContain('told');
    clock.advance(100);
    expect(plugin.state).toBe('failed');
    const closed = await host.createPlugin({ code });
    await closed.close();
    for (const call of calls) call.resolve('late');
    await settle();
    expect(log.texts()).not.toContain('told');
  });

  it('keep what is declared read-only from being set twice', async () => {
    const { host, log } = newHost();
    // { name = 1: "p", readonly = 2: true }
    const declaration = '\x0a\x01p\x10\x01';
    const code = await script({
      proxy_on_configure: [{ callForeign: ['declare_property', declaration] }],
      proxy_on_request_headers: [
        { setProperty: ['p', 'one'] },
        { logStatus: true },
        { setProperty: ['p', 'two'] },
        { logStatus: true },
        { logProperty: ['p'] },
        { setProperty: ['q', 'one'] },
        { setProperty: ['q', 'two'] },
        { logStatus: true },
      ],
    });
    const plugin = await host.createPlugin({ code });
    const { stream } = testStream();
    stream.join([plugin], true);
    stream.complete();
    expect(log.texts().slice(1)).toEqual(['status 0', 'status 2', 'one', 'status 0']);
  });

  it('keep filter state for the chain', async () => {
    const { host, log } = newHost();
    // { path = 1: "a.b", value = 2: "v" }
    const argument = '\x0a\x03a.b\x12\x01v';
    const code = await script({
      proxy_on_configure: [{ callForeign: ['set_envoy_filter_state', argument] }],
      proxy_on_request_headers: [
        { callForeign: ['set_envoy_filter_state', argument] },
        { logProperty: ['filter_state', 'a.b'] },
      ],
    });
    const plugin = await host.createPlugin({ code });
    const { stream } = testStream();
    stream.join([plugin], true);
    stream.complete();
    expect(log.texts('info')).toEqual(['status 1', '', 'v']);
  });

  it('evaluate expressions over the request', async () => {
    const { host, log } = newHost();
    const code = await script({
      proxy_on_configure: [{ callForeign: ['expr_create', 'request.path + "!" + plugin_name'] }],
      proxy_on_request_headers: [{ callForeign: ['expr_evaluate', '\x01\0\0\0'] }],
    });
    const plugin = await host.createPlugin({ code, name: 'p' });
    const { stream, ends } = testStream();
    ends.attributes['request.path'] = '/path?q=1';
    stream.join([plugin], true);
    stream.complete();
    expect(log.texts().at(-1)).toBe('/path?q=1!p');
  });

  it('must be functions', () => {
    expect(() => createHost({ foreignFunctions: { f: 1 } as never })).toThrow(
      'foreignFunctions.f must be a function',
    );
  });
});

it('compress and uncompress work over the boundary', async () => {
  const { host, log } = newHost();
  const code = await script({
    proxy_on_configure: [
      { callForeign: ['uncompress', 'no zlib'] },
      { callForeign: ['clear_route_cache', ''] },
    ],
  });
  await host.createPlugin({ code });
  expect(log.texts('info')).toEqual(['status 3', '']);
  expect(log.texts('warn')[0]).toContain('the guest gets SERIALIZATION_FAILURE');
});
