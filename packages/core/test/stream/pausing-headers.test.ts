import { describe, expect, it } from 'vitest';

import { bytes, testPlugin, testStream } from '../support/stream-harness.js';

const REQUEST = 0;
const RESPONSE = 1;

describe('a headers callback', () => {
  it('gets the number of headers and whether the request ends there', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ logSizeAndEnd: true }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(plugin.logs).toEqual(['5 1']);
    expect(ends.take()).toEqual(['app headers end']);
  });

  it.each([
    [0, true],
    [2, true],
    [1, false],
    [3, false],
    [4, false],
    [77, false],
    [-1, false],
  ])('that returns %i lets the head pass: %s', async (result, passes) => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ return: result }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(ends.take()).toEqual(passes ? ['app headers end'] : []);
  });

  it('that pauses holds body callbacks back until resumed, then gets the body in one piece', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [{ return: 1 }],
        proxy_on_request_body: [{ logSizeAndEnd: true }, { logBuffer: [0] }],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), true);
    expect(plugin.logs).toEqual([]);
    expect(ends.take()).toEqual([]);
    plugin.vm.contexts.get(2)?.continueStream(REQUEST);
    expect(plugin.logs).toEqual(['4 1', 'abcd']);
    expect(ends.take()).toEqual(['app headers', 'app data abcd end']);
  });

  it('that stops iteration where that is allowed still gets body callbacks, the first Continue releases all', async () => {
    const plugin = await testPlugin(
      {
        callbacks: {
          proxy_on_request_headers: [{ return: 1 }],
          proxy_on_request_body: [
            { logSizeAndEnd: true },
            { beforeEnd: [{ return: 1 }] },
            { replace: [0, 'x-late', 'yes'] },
            { logStatus: true },
          ],
        },
      },
      { allowOnHeadersStopIteration: true },
    );
    const { stream, ends, requestHeaders } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    expect(ends.take()).toEqual([]);
    stream.requestData(bytes('cd'), true);
    expect(plugin.logs).toEqual(['2 0', '4 1', 'status 0']);
    expect(ends.take()).toEqual(['app headers', 'app data abcd end']);
    expect(requestHeaders.get('x-late')).toBe('yes');
  });

  it('that continues and then pauses is as if it had not paused', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ continueStream: REQUEST }, { return: 1 }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(ends.take()).toEqual(['app headers end']);
  });

  it('that continues what is not paused changes nothing', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [{ continueStream: REQUEST }, { logStatus: true }],
        proxy_on_response_headers: [{ continueStream: REQUEST }, { logStatus: true }],
      },
    });
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, true);
    expect(plugin.logs).toEqual(['status 0', 'status 0']);
    expect(ends.take()).toEqual(['app headers end', 'client headers end']);
  });

  it('can be resumed from another stream’s callback through the effective context', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [
          { inContext: [2, [{ return: 1 }]] },
          { effectiveContext: 2 },
          { continueStream: REQUEST },
        ],
      },
    });
    const first = testStream();
    first.stream.join([plugin], true);
    expect(first.ends.take()).toEqual([]);
    const second = testStream();
    second.stream.join([plugin], true);
    expect(first.ends.take()).toEqual(['app headers end']);
    expect(second.ends.take()).toEqual(['app headers end']);
  });

  it('of the response pauses the response alone', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_response_headers: [{ logSizeAndEnd: true }, { return: 1 }] },
    });
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, false);
    stream.responseData(bytes('body'), true);
    expect(ends.take()).toEqual(['app headers end']);
    plugin.vm.contexts.get(2)?.continueStream(RESPONSE);
    expect(ends.take()).toEqual(['client headers', 'client data body end']);
    expect(plugin.logs).toEqual(['2 0']);
  });
});

describe('header maps', () => {
  it('of the request stay readable in response callbacks, and can’t be changed there', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_response_headers: [
          { logHeader: [0, 'x-user'] },
          { logHeader: [0, ':authority'] },
          { logHeader: [0, 'host'] },
          { replace: [0, 'x-user', 'eve'] },
          { logStatus: true },
          { replace: [2, 'x-a', '1'] },
          { logStatus: true },
        ],
      },
    });
    const { stream, responseHeaders, requestHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, true);
    expect(plugin.logs).toEqual(['ann', 'example.test', 'example.test', 'status 2', 'status 0']);
    expect(requestHeaders.get('x-user')).toBe('ann');
    expect(responseHeaders.get('x-a')).toBe('1');
  });

  it('of the response are not there in request callbacks', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ logHeader: [2, ':status'] }] },
    });
    const { stream } = testStream();
    stream.join([plugin], true);
    expect(plugin.logs).toEqual(['status 2']);
  });

  it('of the request can be changed while the head is held, from any callback', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [
          { inContext: [2, [{ return: 1 }]] },
          { effectiveContext: 2 },
          { add: [0, 'x-late', 'yes'] },
          { logStatus: true },
          { continueStream: REQUEST },
        ],
      },
    });
    const first = testStream();
    first.stream.join([plugin], true);
    testStream().stream.join([plugin], true);
    expect(plugin.logs).toEqual(['status 0']);
    expect(first.requestHeaders.get('x-late')).toBe('yes');
  });
});
