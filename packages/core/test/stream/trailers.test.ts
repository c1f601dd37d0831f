import { describe, expect, it } from 'vitest';

import { HeaderList } from '../../src/stream/header-list.js';
import { bytes, testPlugin, testStream } from '../support/stream-harness.js';

const REQUEST = 0;

describe('trailers', () => {
  it('come after a body that does not end, and can be read and changed', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_body: [{ logSizeAndEnd: true }],
        proxy_on_request_trailers: [
          { logSize: true },
          { logHeader: [1, 'x-sum'] },
          { replace: [1, 'x-sum', '2'] },
          { add: [1, 'x-more', '3'] },
        ],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    stream.requestTrailers(new HeaderList(['X-Sum', '1']));
    expect(plugin.logs).toEqual(['2 0', '1', '1']);
    expect(ends.take()).toEqual(['app headers', 'app data ab', 'app trailers x-sum,2,x-more,3']);
  });

  it('that a filter holds stay until it is resumed', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_request_trailers: [{ return: 1 }] } });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestTrailers(new HeaderList(['a', '1']));
    expect(ends.take()).toEqual(['app headers']);
    plugin.vm.contexts.get(2)?.continueStream(REQUEST);
    expect(ends.take()).toEqual(['app trailers a,1']);
  });

  it('release a body that was held, when their callback continues', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_body: [{ return: 1 }], proxy_on_request_trailers: [] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    stream.requestTrailers(new HeaderList(['a', '1']));
    expect(ends.take()).toEqual(['app headers', 'app data ab', 'app trailers a,1']);
  });

  it('are shown after a pause in the headers, behind the body', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_headers: [{ return: 1 }],
        proxy_on_request_body: [{ logSizeAndEnd: true }],
        proxy_on_request_trailers: [{ logSize: true }],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    stream.requestTrailers(new HeaderList(['a', '1']));
    plugin.vm.contexts.get(2)?.continueStream(REQUEST);
    expect(plugin.logs).toEqual(['2 0', '1']);
    expect(ends.take()).toEqual(['app headers', 'app data ab', 'app trailers a,1']);
  });

  it('can be made by a filter in the body callback that ends the stream', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_body: [
          { add: [1, 'x-sum', '1'] },
          { logStatus: true },
          { beforeEnd: [{ logHeader: [1, 'x-sum'] }] },
        ],
      },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), true);
    expect(plugin.logs).toEqual(['status 2', 'status 2', 'status 0']);
    expect(ends.take()).toEqual([
      'app headers',
      'app data ab',
      'app data cd',
      'app trailers x-sum,1',
    ]);
  });

  it('made by a filter that then buffers are kept for when it is resumed', async () => {
    const plugin = await testPlugin({
      callbacks: { proxy_on_request_body: [{ atEnd: [{ add: [1, 'a', '1'] }] }, { return: 1 }] },
    });
    const { stream, ends } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), true);
    plugin.vm.contexts.get(2)?.continueStream(REQUEST);
    expect(ends.take()).toEqual(['app headers', 'app data ab', 'app trailers a,1']);
  });
});
