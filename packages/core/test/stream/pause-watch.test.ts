import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { PauseWatch } from '../../src/stream/pause-watch.js';
import { bytes, testPlugin, testStream } from '../support/stream-harness.js';

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'performance'] });
});
afterEach(() => {
  vi.useRealTimers();
});

const LIMIT_MS = 1000;
const ANSWERED = ['local response', 'client headers :status,504 end'];

async function pausing(callbacks: GuestScript['callbacks'], options = {}) {
  const told: string[] = [];
  const plugin = Object.assign(await testPlugin({ callbacks }, options), {
    pauses: new PauseWatch(LIMIT_MS),
    pausedTooLong: (callback: string) => told.push(callback),
  });
  const stream = testStream();
  return { plugin, told, ...stream };
}

describe('a pause', () => {
  it('of the request’s head is answered 504 when it is too long', async () => {
    const { plugin, told, stream, ends } = await pausing({
      proxy_on_request_headers: [{ return: 1 }],
      proxy_on_delete: [{ log: 'deleted' }],
    });
    stream.join([plugin], true);
    vi.advanceTimersByTime(LIMIT_MS - 1);
    expect(ends.take()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(ends.take()).toEqual(ANSWERED);
    expect(stream.responseDetails).toBe('stream_idle_timeout');
    expect(told).toEqual(['proxy_on_request_headers']);
    stream.complete();
    expect(plugin.logs).toEqual(['deleted']);
    expect(vi.getTimerCount()).toBe(0);
  });

  it.each<[string, GuestScript['callbacks'], string]>([
    ['body', { proxy_on_request_body: [{ return: 1 }] }, 'proxy_on_request_body'],
    ['trailers', { proxy_on_request_trailers: [{ return: 1 }] }, 'proxy_on_request_trailers'],
  ])('of the request’s %s names its callback', async (what, callbacks, callback) => {
    const { plugin, told, stream, ends } = await pausing(callbacks);
    stream.join([plugin], false);
    stream.requestData(bytes('a'), false);
    if (what === 'trailers') stream.requestTrailers(testStream().responseHeaders);
    vi.advanceTimersByTime(LIMIT_MS);
    expect(told).toEqual([callback]);
    expect(ends.take().slice(-2)).toEqual(ANSWERED);
  });

  it('of a response whose head is out resets the stream', async () => {
    const { plugin, told, stream, ends, responseHeaders } = await pausing({
      proxy_on_response_body: [{ return: 2 }],
    });
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, false);
    ends.responseStarted = true;
    stream.responseData(bytes('a'), false);
    ends.take();
    vi.advanceTimersByTime(LIMIT_MS);
    expect(ends.take()).toEqual(['reset']);
    expect(told).toEqual(['proxy_on_response_body']);
  });

  it('of a local response that a filter holds is answered all the same', async () => {
    const { plugin, stream, ends, told } = await pausing({
      proxy_on_request_headers: [{ localResponse: { status: 403 } }],
      proxy_on_response_headers: [{ return: 1 }],
    });
    stream.join([plugin], true);
    ends.take();
    vi.advanceTimersByTime(LIMIT_MS);
    expect(told).toEqual(['proxy_on_response_headers']);
    expect(ends.take()).toEqual(['local response direct', 'client headers :status,504 end']);
  });

  it('that is resumed in time is forgotten', async () => {
    const { plugin, stream, ends } = await pausing({
      proxy_on_request_headers: [{ return: 1 }],
      proxy_on_tick: [{ effectiveContext: 2 }, { continueStream: 0 }],
    });
    stream.join([plugin], true);
    vi.advanceTimersByTime(LIMIT_MS - 1);
    plugin.context?.onTick();
    expect(ends.take()).toEqual(['app headers end']);
    expect(plugin.pauses.size).toBe(0);
    vi.advanceTimersByTime(10 * LIMIT_MS);
    expect(ends.take()).toEqual([]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it('begins anew with each chunk that a filter waits through', async () => {
    const { plugin, stream, ends } = await pausing({
      proxy_on_request_body: [{ beforeEnd: [{ return: 1 }] }],
    });
    stream.join([plugin], false);
    for (let chunk = 0; chunk < 5; chunk += 1) {
      stream.requestData(bytes('a'), false);
      vi.advanceTimersByTime(LIMIT_MS - 1);
    }
    stream.requestData(bytes('b'), true);
    expect(ends.take()).toEqual(['app headers', 'app data aaaaab end']);
    expect(plugin.pauses.size).toBe(0);
  });

  it('ends with the stream, and with the plugin’s VM', async () => {
    const aborted = await pausing({ proxy_on_request_headers: [{ return: 1 }] });
    aborted.stream.join([aborted.plugin], true);
    expect(aborted.plugin.pauses.size).toBe(1);
    aborted.stream.complete();
    expect(aborted.plugin.pauses.size).toBe(0);

    const failed = await pausing(
      { proxy_on_request_headers: [{ return: 1 }], proxy_on_tick: [{ trap: true }] },
      { failOpen: true },
    );
    failed.stream.join([failed.plugin], true);
    failed.plugin.context?.onTick();
    expect(failed.ends.take()).toEqual(['app headers end']);
    expect(failed.plugin.pauses.size).toBe(0);
  });

  it('costs one timer, however many streams are paused, and streams that are not cost none', async () => {
    const { plugin, stream } = await pausing({
      proxy_on_request_headers: [{ inContext: [2, [{ return: 0 }]] }, { return: 1 }],
    });
    stream.join([plugin], true);
    expect([plugin.pauses.size, vi.getTimerCount()]).toEqual([0, 0]);
    const streams = Array.from({ length: 100 }, () => testStream());
    for (const paused of streams) {
      paused.stream.join([plugin], true);
      vi.advanceTimersByTime(1);
    }
    expect([plugin.pauses.size, vi.getTimerCount()]).toEqual([100, 1]);
    // Each at its own time.
    vi.advanceTimersByTime(LIMIT_MS - 100);
    const answered = () => streams.filter(({ ends }) => ends.events.length > 0).length;
    expect(answered()).toBe(1);
    vi.advanceTimersByTime(50);
    expect(answered()).toBe(51);
    vi.advanceTimersByTime(50);
    expect([answered(), plugin.pauses.size, vi.getTimerCount()]).toEqual([100, 0, 0]);
  });
});
