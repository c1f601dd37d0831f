import { describe, expect, it } from 'vitest';

import type { CallbackName } from '../../../conformance/src/guests/wat-guest.js';
import { bytes, testPlugin, testStream } from '../support/stream-harness.js';

const FAILED = ['local response', 'client headers :status,503 end'];

describe('a trap', () => {
  it.each<CallbackName>(['proxy_on_context_create', 'proxy_on_request_headers'])(
    'in %s is answered 503, and the app never sees the request',
    async (callback) => {
      const plugin = await testPlugin({
        callbacks: { [callback]: [{ inContext: [2, [{ trap: true }]] }] },
      });
      const { stream, ends } = testStream();
      stream.join([plugin], true);
      expect(ends.take()).toEqual(FAILED);
      expect(stream.responseDetails).toBe('wasm_fail_stream');
      expect(plugin.vm.failure?.code).toBe('PW_ERR_CALLBACK_TRAPPED');
    },
  );

  it('in a body callback is answered 503', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_request_body: [{ trap: true }] } });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('a'), true);
    expect(ends.take()).toEqual(['app headers', ...FAILED]);
  });

  it('in a response callback is answered 503 while the head is held, else the stream is reset', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_response_headers: [{ trap: true }] } });
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, true);
    expect(ends.take()).toEqual([
      'app headers end',
      'local response direct',
      'client headers :status,503 end',
    ]);

    const late = await testPlugin({ callbacks: { proxy_on_response_body: [{ trap: true }] } });
    const second = testStream();
    second.stream.join([late], true);
    second.stream.responseHeaders(second.responseHeaders, false);
    second.ends.responseStarted = true;
    second.stream.responseData(bytes('a'), true);
    expect(second.ends.take().at(-1)).toBe('reset');
  });

  it('settles every open stream of the VM at once, and runs no guest code any more', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [
          { inContext: [2, [{ return: 1 }]] },
          { inContext: [3, [{ trap: true }]] },
        ],
        proxy_on_log: [{ log: 'log' }],
        proxy_on_delete: [{ log: 'delete' }],
      },
    });
    const paused = testStream();
    paused.stream.join([plugin], true);
    const trapping = testStream();
    trapping.stream.join([plugin], true);
    expect(paused.ends.take()).toEqual(FAILED);
    expect(trapping.ends.take()).toEqual(FAILED);
    paused.stream.complete();
    trapping.stream.complete();
    expect(plugin.logs).toEqual([]);
    expect(plugin.vm.contexts.size).toBe(1);
  });

  it('lets streams pass that wanted nothing more of the VM', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ inContext: [3, [{ trap: true }]] }] },
    });
    const passed = testStream();
    passed.stream.join([plugin], true);
    testStream().stream.join([plugin], true);
    passed.stream.responseHeaders(passed.responseHeaders, true);
    expect(passed.ends.take()).toEqual(['app headers end', 'client headers end']);
  });

  it('of a plugin that fails open lets its streams go on, with what it held', async () => {
    const plugin = await testPlugin(
      {
        callbacks: {
          proxy_on_request_body: [
            { beforeEnd: [{ return: 1 }] },
            { setBuffer: [0, 0, 0, '>'] },
            { trap: true },
          ],
        },
      },
      { failOpen: true },
    );
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), true);
    stream.responseHeaders(responseHeaders, true);
    expect(ends.take()).toEqual(['app headers', 'app data >abcd end', 'client headers end']);
    stream.complete();
  });

  it('leaves new streams to the policy: 503, or without the plugin', async () => {
    for (const failOpen of [false, true]) {
      const plugin = await testPlugin(
        { callbacks: { proxy_on_request_headers: [{ trap: true }] } },
        { failOpen },
      );
      testStream().stream.join([plugin], true);
      const { stream, ends } = testStream();
      stream.join([plugin], true);
      expect(ends.take()).toEqual(failOpen ? ['app headers end'] : FAILED);
    }
  });

  it('in on_log, on_done or on_delete costs nobody an answer', async () => {
    for (const callback of ['proxy_on_log', 'proxy_on_done', 'proxy_on_delete'] as const) {
      const plugin = await testPlugin({ callbacks: { [callback]: [{ trap: true }] } });
      const { stream, ends, responseHeaders } = testStream();
      stream.join([plugin], true);
      stream.responseHeaders(responseHeaders, true);
      stream.complete();
      expect(ends.take()).toEqual(['app headers end', 'client headers end']);
      expect(plugin.vm.contexts.size).toBe(1);
      expect(plugin.context).toBeUndefined();
    }
  });

  it('in the allocator ends the VM as well, whose later hostcalls are refused', async () => {
    const plugin = await testPlugin({
      allocatorBody: '(unreachable)',
      callbacks: { proxy_on_request_headers: [{ logHeader: [0, 'x-user'] }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(plugin.logs).toEqual([]);
    expect(ends.take()).toEqual(FAILED);
  });
});

describe('a guest', () => {
  it('that makes a hostcall from its allocator is ended', async () => {
    const plugin = await testPlugin({
      allocatorBody: `(drop (call $proxy_remove_header_map_value (i32.const 0) (i32.const 0) (i32.const 0)))
        (i32.const 4096)`,
      callbacks: {
        proxy_on_request_headers: [{ remove: [0, 'a'] }, { logHeader: [0, 'x-user'] }],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(ends.take()).toEqual(FAILED);
    expect(plugin.vm.failure?.code).toBe('PW_ERR_HOSTCALL_RESTRICTED');
  });

  it('is never entered while it runs: a log sink that drives the stream is put off', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [{ log: 'first' }, { log: 'second' }],
        proxy_on_request_body: [{ log: 'body' }],
      },
    });
    const { stream, ends } = testStream();
    const { push } = Array.prototype;
    plugin.logs.push = (line: string): number => {
      if (line === 'first') stream.requestData(bytes('x'), true);
      return push.call(plugin.logs, line);
    };
    stream.join([plugin], false);
    expect([...plugin.logs]).toEqual(['first', 'second', 'body']);
    expect(ends.take()).toEqual(['app headers', 'app data x end']);
  });
});
