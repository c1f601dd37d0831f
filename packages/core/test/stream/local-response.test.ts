import { describe, expect, it } from 'vitest';

import { HeaderList } from '../../src/stream/header-list.js';
import { HttpStream } from '../../src/stream/http-stream.js';
import { bytes, TestEnds, testPlugin, testStream } from '../support/stream-harness.js';

const DENY = { localResponse: { status: 403, body: 'no', headers: [['x-why', 'rule']] } } as const;
const DENIED = 'client headers :status,403,x-why,rule,content-length,2,content-type,text/plain';

describe('a local response', () => {
  it('from the request’s headers is all the client gets; the app never sees the request', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [DENY, { return: 1 }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), true);
    expect(ends.take()).toEqual(['local response', DENIED, 'client data no end']);
    expect(stream.responseDetails).toBe('');
  });

  it('holds whatever the callback returned', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [DENY, { return: 0 }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(ends.take()).toEqual(['local response', DENIED, 'client data no end']);
  });

  it('passes the response callbacks of all filters that saw the request, its sender’s too', async () => {
    const logs: string[] = [];
    const response = (name: string) => ({
      proxy_on_response_headers: [
        { log: `${name} headers` },
        { logHeader: [2, ':status'] as const },
      ],
      proxy_on_response_body: [{ log: `${name} body` }],
    });
    const first = await testPlugin({ callbacks: response('first') }, { logs });
    const sender = await testPlugin(
      { callbacks: { ...response('sender'), proxy_on_request_headers: [DENY] } },
      { logs },
    );
    const unreached = await testPlugin({ callbacks: response('unreached') }, { logs });
    const { stream } = testStream();
    stream.join([first, sender, unreached], true);
    expect(logs).toEqual([
      'sender headers',
      '403',
      'first headers',
      '403',
      'sender body',
      'first body',
    ]);
  });

  it('from the response’s headers goes straight to the client', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_response_headers: [DENY, { return: 1 }],
        proxy_on_response_body: [{ log: 'body' }],
      },
    });
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, false);
    stream.responseData(bytes('secret'), true);
    expect(ends.take()).toEqual([
      'app headers end',
      'local response direct',
      DENIED,
      'client data no end',
    ]);
    expect(plugin.logs).toEqual([]);
  });

  it('from the response’s body replaces a head that is not out yet, and resets one that is', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_response_body: [DENY] } });
    const early = testStream();
    early.stream.join([plugin], true);
    early.stream.responseHeaders(early.responseHeaders, false);
    early.ends.take();
    early.stream.responseData(bytes('secret'), true);
    expect(early.ends.take()).toEqual(['local response direct', DENIED, 'client data no end']);

    const late = testStream();
    late.stream.join([plugin], true);
    late.stream.responseHeaders(late.responseHeaders, false);
    late.ends.responseStarted = true;
    late.ends.take();
    late.stream.responseData(bytes('secret'), true);
    expect(late.ends.take()).toEqual(['reset']);
  });

  it('from a body or trailers callback of the request answers as well', async () => {
    for (const callback of ['proxy_on_request_body', 'proxy_on_request_trailers'] as const) {
      const plugin = await testPlugin({ callbacks: { [callback]: [DENY] } });
      const { stream, ends } = testStream();
      stream.join([plugin], false);
      stream.requestData(bytes('ab'), false);
      stream.requestTrailers(new HeaderList(['a', '1']));
      const events = ends.take();
      expect(events.slice(-3)).toEqual(['local response', DENIED, 'client data no end']);
    }
  });

  it('is sent once, however often a context asks', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [DENY, DENY, { logStatus: true }],
        proxy_on_response_headers: [DENY, { logStatus: true }, { return: 1 }],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(ends.take()).toEqual(['local response', DENIED, 'client data no end']);
    expect(plugin.logs).toEqual(['status 0', 'status 0']);
  });

  it('can be replaced by another filter that sees its head', async () => {
    const sender = await testPlugin({ callbacks: { proxy_on_request_headers: [DENY] } });
    const other = await testPlugin({
      callbacks: { proxy_on_response_headers: [{ localResponse: { status: 500 } }] },
    });
    const { stream, ends } = testStream();
    stream.join([other, sender], true);
    expect(ends.take()).toEqual([
      'local response',
      'local response direct',
      'client headers :status,500 end',
    ]);
  });

  it('can be sent from another stream’s callback', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [
          { inContext: [2, [{ return: 1 }]] },
          { effectiveContext: 2 },
          DENY,
          { logStatus: true },
        ],
      },
    });
    const first = testStream();
    first.stream.join([plugin], true);
    const second = testStream();
    second.stream.join([plugin], true);
    expect(first.ends.take()).toEqual(['local response', DENIED, 'client data no end']);
    expect(second.ends.take()).toEqual(['app headers end']);
  });

  it('without a body has neither content-length nor content-type', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [
          {
            localResponse: {
              status: 204,
              headers: [
                ['content-type', 'a/b'],
                ['x-a', '1'],
                ['x-a', '2'],
              ],
            },
          },
        ],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], true);
    expect(ends.take()).toEqual(['local response', 'client headers :status,204,x-a,1,x-a,2 end']);
  });

  it.each([
    [-1, 403, '7'],
    [5, 403, '5'],
    [99, 401, '16'],
    [-1, 418, '2'],
  ])(
    'to a gRPC request is a gRPC status (%i with HTTP %i: %s)',
    async (grpcStatus, status, sent) => {
      const plugin = await testPlugin({
        callbacks: {
          proxy_on_request_headers: [{ localResponse: { status, grpcStatus, body: 'né 100%' } }],
        },
      });
      const ends = new TestEnds();
      const headers = new HeaderList(['content-type', 'application/grpc+proto'], [':path', '/s/m']);
      new HttpStream(ends, headers, { bufferedBodyBytes: 1024 }).join([plugin], false);
      expect(ends.take().at(-1)).toBe(
        `client headers :status,200,content-type,application/grpc,grpc-status,${sent},grpc-message,n%C3%A9 100%25 end`,
      );
    },
  );

  it('after the exchange is over does nothing', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_log: [DENY, { logStatus: true }] } });
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, true);
    ends.take();
    stream.complete();
    expect(plugin.logs).toEqual(['status 0']);
    expect(ends.take()).toEqual([]);
  });
});

describe('closing a stream', () => {
  it('resets it once the guest has returned, and nothing more passes', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_headers: [{ closeStream: 0 }, { logStatus: true }] },
    });
    const { stream, ends, responseHeaders } = testStream();
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, true);
    expect(plugin.logs).toEqual(['status 0']);
    expect(ends.take()).toEqual(['reset']);
    expect(stream.responseDetails).toBe('wasm_close_stream');
  });
});
