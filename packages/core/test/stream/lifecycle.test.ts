import { describe, expect, it } from 'vitest';

import type { CallbackName } from '../../../conformance/src/guests/wat-guest.js';
import { bytes, testPlugin, testStream } from '../support/stream-harness.js';

const EVERY: readonly CallbackName[] = [
  'proxy_on_context_create',
  'proxy_on_request_headers',
  'proxy_on_request_body',
  'proxy_on_response_headers',
  'proxy_on_response_body',
  'proxy_on_log',
  'proxy_on_done',
  'proxy_on_delete',
];

const noisy = (name = '') => ({
  callbacks: Object.fromEntries(
    EVERY.map((callback) => [callback, [{ log: name + callback.replace('proxy_on_', '') }]]),
  ),
});

describe('the callbacks of a stream', () => {
  it('come in Envoy’s order: log, then done, then delete', async () => {
    const plugin = await testPlugin(noisy());
    plugin.logs.length = 0;
    const { stream, responseHeaders } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('a'), true);
    stream.responseHeaders(responseHeaders, false);
    stream.responseData(bytes('b'), true);
    stream.complete();
    stream.complete();
    expect(plugin.logs).toEqual([
      'context_create',
      'request_headers',
      'request_body',
      'response_headers',
      'response_body',
      'log',
      'done',
      'delete',
    ]);
    expect(plugin.vm.contexts.size).toBe(1);
    expect(plugin.context?.streams).toBe(0);
  });

  it('run first to last for the request and last to first for the response', async () => {
    const logs: string[] = [];
    const plugins = [
      await testPlugin(noisy('a '), { logs }),
      await testPlugin(noisy('b '), { logs }),
      await testPlugin(noisy('c '), { logs }),
    ];
    logs.length = 0;
    const { stream, responseHeaders } = testStream();
    stream.join(plugins, true);
    stream.responseHeaders(responseHeaders, false);
    stream.responseData(bytes('b'), true);
    const order = (callback: string) =>
      logs
        .filter((line) => line.endsWith(callback))
        .map((line) => line[0])
        .join('');
    expect(order('request_headers')).toBe('abc');
    expect(order('response_headers')).toBe('cba');
    expect(order('response_body')).toBe('cba');
    stream.complete();
    expect(order('log')).toBe('abc');
  });

  it('of filters that join later come behind those of the first, in the same chain', async () => {
    const logs: string[] = [];
    const first = await testPlugin(noisy('a '), { logs });
    const second = await testPlugin(noisy('b '), { logs });
    logs.length = 0;
    const { stream, ends, responseHeaders } = testStream();
    stream.join([first], false);
    stream.join([second], false);
    stream.requestData(bytes('x'), true);
    stream.responseHeaders(responseHeaders, true);
    expect(logs.map((line) => line.replace('context_create', 'new'))).toEqual([
      'a new',
      'a request_headers',
      'b new',
      'b request_headers',
      'a request_body',
      'b request_body',
      'b response_headers',
      'a response_headers',
    ]);
    expect(ends.take()).toEqual([
      'app headers',
      'app headers',
      'app data x end',
      'client headers end',
    ]);
  });

  it('replay to the filters of the last join what earlier ones had let pass', async () => {
    const logs: string[] = [];
    const first = await testPlugin(noisy('a '), { logs });
    const second = await testPlugin(noisy('b '), { logs });
    const { stream, ends } = testStream();
    stream.join([first], false);
    stream.requestData(bytes('x'), false);
    stream.join([second], false);
    logs.length = 0;
    ends.take();
    stream.replayRequestData(bytes('x'), false);
    expect(logs).toEqual(['b request_body']);
    expect(ends.take()).toEqual(['app data x']);
  });

  it('leave out the response of a filter that joined when it had begun', async () => {
    const logs: string[] = [];
    const first = await testPlugin(noisy('a '), { logs });
    const second = await testPlugin(noisy('b '), { logs });
    const { stream, responseHeaders } = testStream();
    stream.join([first], true);
    stream.responseHeaders(responseHeaders, false);
    stream.join([second], true);
    stream.responseData(bytes('x'), true);
    expect(logs.filter((line) => line.startsWith('b response'))).toEqual([]);
  });

  it('create a context only to log where the request never got that far, as Envoy does', async () => {
    const deny = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ localResponse: { status: 403 } }] },
    });
    const unreached = await testPlugin({
      callbacks: {
        ...noisy().callbacks,
        proxy_on_log: [{ log: 'log' }, { logHeader: [0, 'x-user'] }],
      },
    });
    unreached.logs.length = 0;
    const { stream } = testStream();
    stream.join([deny, unreached], true);
    stream.complete();
    expect(unreached.logs).toEqual(['context_create', 'log', 'ann', 'done', 'delete']);
    expect(unreached.vm.contexts.size).toBe(1);
  });

  it('can still read heads and properties in on_log, and change nothing', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_log: [
          { logHeader: [0, 'x-user'] },
          { logHeader: [2, ':status'] },
          { logHeader: [2, 'absent'] },
          { logHeader: [3, 'absent'] },
          { replace: [2, 'x-a', '1'] },
          { logStatus: true },
          { logProperty: ['plugin_name'] },
        ],
      },
    });
    const { stream, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, true);
    stream.complete();
    expect(plugin.logs).toEqual(['ann', '200', 'status 1', 'status 1', 'status 2', 'test']);
  });

  it('share what they store as properties along the chain', async () => {
    const writer = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [{ setProperty: ['verdict', 'good'] }, { logStatus: true }],
      },
    });
    const reader = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [
          { logProperty: ['verdict'] },
          { logProperty: ['filter_state', 'wasm.verdict'] },
          { logProperty: ['unknown'] },
        ],
      },
    });
    const { stream } = testStream();
    stream.join([writer, reader], true);
    expect(writer.logs).toEqual(['status 0']);
    expect(reader.logs).toEqual(['good', 'good', 'status 1']);
    expect(Buffer.from(stream.storedProperties?.get('verdict') ?? []).toString()).toBe('good');
  });
});
