import { describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { bytes, testPlugin, testStream, type TestStream } from '../support/stream-harness.js';

const REQUEST = 0;

async function withBody(operations: readonly Operation[], limit?: number) {
  const plugin = await testPlugin({ callbacks: { proxy_on_request_body: operations } });
  const test: TestStream = testStream(limit);
  test.stream.join([plugin], false);
  test.ends.take();
  return { plugin, ...test, resume: () => plugin.vm.contexts.get(2)?.continueStream(REQUEST) };
}

describe('a body callback', () => {
  it('sees each chunk once, and the last with the end of the stream', async () => {
    const { stream, ends, plugin } = await withBody([{ logSizeAndEnd: true }, { logBuffer: [0] }]);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cde'), false);
    stream.requestData(bytes(''), true);
    expect(plugin.logs).toEqual(['2 0', 'ab', '3 0', 'cde', '0 1', '']);
    expect(ends.take()).toEqual(['app data ab', 'app data cde', 'app data  end']);
  });

  it('that buffers sees the whole body so far, and releases it with the first Continue', async () => {
    const { stream, ends, plugin } = await withBody([
      { logSizeAndEnd: true },
      { logBuffer: [0] },
      { beforeEnd: [{ return: 1 }] },
    ]);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), false);
    expect(ends.take()).toEqual([]);
    stream.requestData(bytes('e'), true);
    expect(plugin.logs).toEqual(['2 0', 'ab', '4 0', 'abcd', '5 1', 'abcde']);
    expect(ends.take()).toEqual(['app data abcde end']);
  });

  it('that buffers to the end and is resumed passes everything on', async () => {
    const { stream, ends, resume } = await withBody([{ return: 1 }]);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), true);
    expect(ends.take()).toEqual([]);
    resume();
    expect(ends.take()).toEqual(['app data abcd end']);
    resume();
    expect(ends.take()).toEqual([]);
  });

  it('that is resumed in the middle sees single chunks again', async () => {
    const { stream, ends, plugin, resume } = await withBody([{ logBuffer: [0] }, { return: 1 }]);
    stream.requestData(bytes('ab'), false);
    resume();
    expect(ends.take()).toEqual(['app data ab']);
    stream.requestData(bytes('cd'), true);
    expect(plugin.logs).toEqual(['ab', 'cd']);
    resume();
    expect(ends.take()).toEqual(['app data cd end']);
  });

  it('that watermarks sees only new chunks, and Continue releases all of them', async () => {
    const { stream, ends, plugin } = await withBody([
      { logBuffer: [0] },
      { beforeEnd: [{ return: 2 }] },
    ]);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), false);
    stream.requestData(bytes('e'), true);
    expect(plugin.logs).toEqual(['ab', 'cd', 'e']);
    expect(ends.take()).toEqual(['app data abcde end']);
  });

  it('that watermarks beyond the limit stops the sender until it lets go', async () => {
    const { stream, ends, resume } = await withBody([{ return: 2 }], 4);
    stream.requestData(bytes('abc'), false);
    expect(ends.take()).toEqual([]);
    stream.requestData(bytes('de'), false);
    expect(ends.take()).toEqual(['pause request']);
    resume();
    expect(ends.take()).toEqual(['resume request', 'app data abcde']);
  });

  it('that swallows chunks passes none of them, and still ends the body when resumed', async () => {
    const { stream, ends, resume } = await withBody([{ return: 3 }]);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), true);
    expect(ends.take()).toEqual([]);
    resume();
    expect(ends.take()).toEqual(['app data  end']);
  });

  it('that returns nonsense stops without buffering, as in Envoy', async () => {
    const { stream, ends } = await withBody([{ return: 9 }]);
    stream.requestData(bytes('ab'), true);
    expect(ends.take()).toEqual([]);
  });

  it.each<[string, Operation[], string]>([
    ['prepends', [{ setBuffer: [0, 0, 0, 'X'] }], 'Xabcdef'],
    ['appends', [{ setBuffer: [0, 0x7fffffff, 0, 'X'] }], 'abcdefX'],
    ['appends past any end', [{ setBuffer: [0, 0xffffffff, 0, 'X'] }], 'abcdefX'],
    ['appends at the end', [{ setBuffer: [0, 6, 0, 'X'] }], 'abcdefX'],
    ['replaces all', [{ setBuffer: [0, 0, 0xffffffff, 'XYZ'] }], 'XYZ'],
    ['replaces the beginning', [{ setBuffer: [0, 0, 2, 'X'] }], 'Xcdef'],
    ['empties', [{ setBuffer: [0, 0, 6, ''] }], ''],
    [
      'does several edits in a row',
      [{ setBuffer: [0, 0, 1, ''] }, { setBuffer: [0, 99, 0, '!'] }, { setBuffer: [0, 0, 0, '<'] }],
      '<bcdef!',
    ],
  ])('%s', async (_name, operations, expected) => {
    const { stream, ends, plugin } = await withBody([...operations, { logStatus: true }]);
    stream.requestData(bytes('abcdef'), true);
    expect(plugin.logs).toEqual(['status 0']);
    expect(ends.take()).toEqual([`app data ${expected} end`]);
  });

  it('edits a whole held body across its chunks', async () => {
    const { stream, ends } = await withBody([
      { beforeEnd: [{ return: 1 }] },
      { setBuffer: [0, 0, 3, 'X'] },
    ]);
    stream.requestData(bytes('ab'), false);
    stream.requestData(bytes('cd'), true);
    expect(ends.take()).toEqual(['app data Xd end']);
  });

  it('can’t write into the middle', async () => {
    const { stream, ends, plugin } = await withBody([
      { setBuffer: [0, 2, 1, 'X'] },
      { logStatus: true },
    ]);
    stream.requestData(bytes('abcdef'), true);
    expect(plugin.logs).toEqual(['status 2']);
    expect(ends.take()).toEqual(['app data abcdef end']);
  });

  it('is the only place where the body can be seen or changed', async () => {
    const plugin = await testPlugin({
      callbacks: {
        proxy_on_request_body: [],
        proxy_on_response_headers: [
          { logBuffer: [0] },
          { setBuffer: [0, 0, 0, 'X'] },
          { logStatus: true },
        ],
      },
    });
    const { stream, responseHeaders } = testStream();
    stream.join([plugin], false);
    stream.requestData(bytes('ab'), true);
    stream.responseHeaders(responseHeaders, true);
    expect(plugin.logs).toEqual(['', 'status 2']);
  });
});

describe('a body that is held beyond the limit', () => {
  it('of a request is answered 413', async () => {
    const { stream, ends } = await withBody([{ return: 1 }], 4);
    stream.requestData(bytes('abcd'), false);
    expect(ends.take()).toEqual([]);
    stream.requestData(bytes('e'), false);
    expect(ends.take()).toEqual([
      'local response',
      'client headers :status,413,content-length,17,content-type,text/plain',
      'client data Payload Too Large end',
    ]);
    expect(stream.responseDetails).toBe('request_payload_too_large');
  });

  it('is judged by the limit of the filter that holds it', async () => {
    const script = { callbacks: { proxy_on_request_body: [{ return: 1 }] } };
    const plugins = [
      await testPlugin({ callbacks: { proxy_on_request_body: [] } }),
      Object.assign(await testPlugin(script), { limits: { bufferedBodyBytes: 2 } }),
    ];
    const { stream, ends } = testStream(1000);
    stream.join(plugins, false);
    ends.take();
    stream.requestData(bytes('abc'), false);
    expect(ends.take()[1]).toContain(':status,413');
  });

  it('of a response is answered 500, past the filters that saw its head', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_response_headers: [{ return: 3 }] } });
    const { stream, ends, responseHeaders } = testStream(4);
    stream.join([plugin], true);
    ends.take();
    stream.responseHeaders(responseHeaders, false);
    stream.responseData(bytes('abcde'), false);
    expect(ends.take()).toEqual([
      'local response direct',
      'client headers :status,500,content-length,21,content-type,text/plain',
      'client data Internal Server Error end',
    ]);
  });

  it('of a response whose head is out resets the stream', async () => {
    const plugin = await testPlugin({ callbacks: { proxy_on_response_body: [{ return: 1 }] } });
    const { stream, ends, responseHeaders } = testStream(4);
    stream.join([plugin], true);
    stream.responseHeaders(responseHeaders, false);
    ends.responseStarted = true;
    ends.take();
    stream.responseData(bytes('abcde'), false);
    expect(ends.take()).toEqual(['reset']);
  });
});
