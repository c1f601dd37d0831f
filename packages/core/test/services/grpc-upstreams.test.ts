/** gRPC calls and streams to a real server. */
import { createServer } from 'node:net';

import { describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import type { CallbackName } from '../../../conformance/src/guests/wat-guest.js';
import { tls } from '../../../conformance/src/tls/index.js';
import { GRPC_STATUS_NAMES } from '../../src/abi/grpc-call.js';
import {
  callingPlugin,
  listen,
  readPairs,
  type CallingOptions,
} from '../support/calling-plugin.js';
import { grpcServer } from '../support/grpc-server.js';

/** Each callback says its name, then call and size or status. */
const LOGGED: Partial<Record<CallbackName, readonly Operation[]>> = {
  proxy_on_grpc_receive_initial_metadata: [{ log: 'initial' }, { logHeader: [4, 'x-initial'] }],
  proxy_on_grpc_receive: [{ log: 'message' }, { logCall: true }, { logBuffer: [5] }],
  proxy_on_grpc_receive_trailing_metadata: [{ log: 'trailing' }, { logHeader: [5, 'x-trailing'] }],
  proxy_on_grpc_close: [{ log: 'close' }, { logCall: true }, { logCallStatus: true }],
};

const up = (url: string, more: CallingOptions = {}): CallingOptions => ({
  host: { upstreams: { up: url } },
  ...more,
  callbacks: { ...LOGGED, ...more.callbacks },
});

const unary = (message: string, more: object = {}): Operation => ({
  grpcCall: { upstream: 'up', message, ...more },
});
const stream: Operation = { grpcStream: { upstream: 'up' } };

/** A stream that is reset ends too, in the eyes of the server. */
const cancelled = (events: string[]): string[] => events.filter((event) => event === 'cancelled');

describe('a call', () => {
  it('sends one message and gets one: nothing else is told', async () => {
    const { url } = await grpcServer();
    const calls = [
      unary('\0\x7f'),
      { logStatus: true },
      { logLastCall: true },
      unary('b'),
    ] as const;
    const { wait } = await callingPlugin(calls, up(url));
    const lines = await wait(8);
    expect(lines.slice(0, 2)).toEqual(['status 0', '5']);
    const messages = [lines.slice(2, 5), lines.slice(5, 8)].sort();
    expect(messages).toEqual([
      ['message', '5 4', '\0\x7f\0\x7f'],
      ['message', '9 2', 'bb'],
    ]);
  });

  it('may carry nothing, and metadata of text and of bytes', async () => {
    const { url, metadata } = await grpcServer();
    const sent = [
      ['X-A', '1'],
      ['x-a', '2'],
      ['k-bin', 'AP8='],
    ] as const;
    const { wait } = await callingPlugin([unary('', { metadata: sent })], up(url));
    expect(await wait(3)).toEqual(['message', '5 0', '']);
    expect(metadata[0]).toEqual(expect.arrayContaining(['k-bin', '00ff', 'x-a', '1, 2']));
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16])(
    'that fails with %i is closed with it and its message',
    async (code) => {
      const { url } = await grpcServer();
      const calls = [unary(`status ${String(code)} why not`)];
      const { host, wait, lines } = await callingPlugin(calls, up(url));
      const expected = ['close', `5 ${String(code)}`, 'why not', String(code)];
      expect((await wait(5)).slice(1)).toEqual(expected);
      const isAnswer = [3, 5, 6, 7, 9, 10, 11, 16].includes(code);
      const name = GRPC_STATUS_NAMES[code] ?? '';
      expect(lines[0]).toMatchObject({
        level: isAnswer ? 'debug' : 'warn',
        message: expect.stringContaining(
          `gRPC call /test.Echo/Unary of upstream "up" ended with status ${String(code)} (${name}): why not`,
        ) as string,
      });
      const told = host.metrics.read().filter((each) => each.name === 'wasm.upstream_calls');
      expect(told).toMatchObject([{ value: 1, labels: { type: 'grpc', result: name } }]);
    },
  );

  it('of a method that is not there is UNIMPLEMENTED', async () => {
    const { url } = await grpcServer();
    const { wait } = await callingPlugin([unary('', { method: 'Nothing' })], up(url));
    expect((await wait(5)).slice(1, 3)).toEqual(['close', '5 12']);
  });

  it('has a deadline, which the server is told', async () => {
    const { url, events } = await grpcServer();
    // Enough for the connection: the server has to have been asked.
    const { wait } = await callingPlugin([unary('wait', { timeoutMs: 1000 })], up(url));
    const [why, ...told] = await wait(5);
    expect(why).toContain('ended with status 4 (deadline_exceeded)');
    expect(told.slice(0, 2)).toEqual(['close', '5 4']);
    await expect.poll(() => cancelled(events)).toEqual(['cancelled']);
  });

  it.each<[string, Operation]>([
    ['cancelled', { grpcCancel: 'last' }],
    ['closed, which is the same', { grpcClose: 'last' }],
  ])('can be %s: nothing more is told, and the id is gone', async (_what, end) => {
    const { url } = await grpcServer();
    const calls = [unary('a'), end, { logStatus: true }, end, { logStatus: true }] as const;
    const { wait, texts } = await callingPlugin(calls, up(url));
    await wait(2);
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(texts()).toEqual(['status 0', 'status 1']);
  });

  it('to nobody is UNAVAILABLE', async () => {
    const { wait } = await callingPlugin([unary('a')], up('http://127.0.0.1:1'));
    const [why, close, call, text, status] = await wait(5);
    expect(why).toContain('ended with status 14 (unavailable): No connection established');
    expect([close, call, status]).toEqual(['close', '5 14', '14']);
    expect(text).toContain('ECONNREFUSED');
  });

  it('that is answered with too large a message is RESOURCE_EXHAUSTED', async () => {
    const { url } = await grpcServer();
    const host = { upstreams: { up: { url, maxResponseBytes: 1000 } } };
    const { wait } = await callingPlugin([unary('x'.repeat(600))], up(url, { host }));
    expect((await wait(5)).slice(1, 3)).toEqual(['close', '5 8']);
  });

  it('may go over TLS, with the usual options', async () => {
    const { url } = await grpcServer({ secure: true });
    const calls = [unary('a'), { grpcCall: { upstream: 'strange', message: 'b' } }] as const;
    const upstreams = { up: { url, tls: { ca: tls.cert } }, strange: url };
    const { wait, texts } = await callingPlugin(calls, up(url, { host: { upstreams } }));
    await wait(7);
    expect(texts().join('|')).toContain('message|5 2|aa');
    expect(texts().join('|')).toContain('close|9 14|');
    expect(texts('warn')[0]).toMatch(/"strange" ended with status 14 .*certificate/);
  });
});

describe('a stream', () => {
  it('tells everything in order: metadata, messages, metadata, status', async () => {
    const { url, events } = await grpcServer();
    const calls = [
      stream,
      { logLastCall: true },
      { grpcSend: ['last', 'one', false] },
      { logStatus: true },
      { grpcSend: ['last', 'two', true] },
    ] as const;
    const { wait } = await callingPlugin(calls, up(url));
    expect(await wait(16)).toEqual([
      ...['6', 'status 0'],
      ...['initial', '1'],
      ...['message', '6 3', 'one'],
      ...['message', '6 3', 'two'],
      ...['trailing', '2'],
      ...['close', '6 0', 'OK', '0'],
    ]);
    expect(events[0]).toBe('half-closed');
  });

  it.each<[string, string, readonly Operation[], string[]]>([
    [
      'that only the guest sends on',
      'Upload',
      [{ grpcSend: ['last', 'one', false] }, { grpcSend: ['last', 'two', true] }],
      ['onetwo'],
    ],
    [
      'that only the server sends on',
      'Download',
      [{ grpcSend: ['last', 'abc', true] }],
      ['a', 'b', 'c'],
    ],
  ])('may be one %s', async (_kind, method, sends, messages) => {
    const { url } = await grpcServer();
    const open: Operation = { grpcStream: { upstream: 'up', method } };
    const { wait } = await callingPlugin(
      [open, ...sends],
      up(url, {
        callbacks: {
          proxy_on_grpc_receive_initial_metadata: [],
          proxy_on_grpc_receive: [{ logBuffer: [5] }],
          proxy_on_grpc_receive_trailing_metadata: [],
          proxy_on_grpc_close: [{ logCall: true }],
        },
      }),
    );
    expect(await wait(messages.length + 1)).toEqual([...messages, '6 0']);
  });

  it('of many messages loses none', async () => {
    const { url } = await grpcServer();
    const messages = Array.from({ length: 200 }, (_, index) => `m${String(index)}`);
    const sends = messages.map((text): Operation => ({ grpcSend: ['last', text, false] }));
    const { wait } = await callingPlugin(
      [stream, ...sends, { grpcClose: 'last' }],
      up(url, {
        callbacks: {
          proxy_on_grpc_receive_initial_metadata: [],
          proxy_on_grpc_receive: [{ logBuffer: [5] }],
          proxy_on_grpc_receive_trailing_metadata: [],
          proxy_on_grpc_close: [{ log: 'close' }],
        },
      }),
    );
    expect(await wait(201)).toEqual([...messages, 'close']);
  });

  it('has metadata of bytes as base64, in its own callback only', async () => {
    const { url } = await grpcServer();
    const { wait } = await callingPlugin(
      [stream, { grpcSend: ['last', 'a', true] }],
      up(url, {
        callbacks: {
          proxy_on_grpc_receive_initial_metadata: [
            { logPairs: 4 },
            { logHeader: [5, 'x'] },
            { logHeader: [4, 'x'] },
            { logBuffer: [5] },
          ],
          proxy_on_grpc_receive: [{ logHeader: [4, 'x-initial'] }],
          proxy_on_grpc_receive_trailing_metadata: [{ logPairs: 5 }, { logHeader: [4, 'x'] }],
          proxy_on_grpc_close: [{ logHeader: [5, 'x-trailing'] }],
        },
      }),
    );
    const [initial, ...rest] = await wait(8);
    const pairs = readPairs(initial);
    expect(pairs[pairs.indexOf('x-data-bin') + 1]).toBe('AP8=');
    expect(rest.slice(0, 4)).toEqual(['status 2', 'status 1', 'status 1', 'status 2']);
    expect(readPairs(rest[4])).toEqual(['x-trailing', '2']);
    expect(rest.slice(5)).toEqual(['status 2', 'status 2']);
  });

  it('that fails is closed with the status', async () => {
    const { url } = await grpcServer();
    const calls = [stream, { grpcSend: ['last', 'status 7 not you', false] }] as const;
    const { wait } = await callingPlugin(calls, up(url));
    expect((await wait(8)).slice(-4)).toEqual(['close', '6 7', 'not you', '7']);
  });

  it('that is cancelled is reset, and tells no more', async () => {
    const { url, events } = await grpcServer();
    const { texts } = await callingPlugin(
      [stream, { grpcSend: ['last', 'a', false] }],
      up(url, {
        callbacks: {
          proxy_on_grpc_receive: [
            { grpcCancel: 6 },
            { logStatus: true },
            { grpcSend: [6, 'b', false] },
            { logStatus: true },
            { grpcClose: 6 },
            { logStatus: true },
          ],
        },
      }),
    );
    await expect.poll(() => cancelled(events)).toEqual(['cancelled']);
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(texts()).toEqual(['initial', '1', 'status 0', 'status 1', 'status 1']);
  });

  it('that the guest has closed takes no messages; its id is gone with the other side', async () => {
    const { url } = await grpcServer();
    const again: readonly Operation[] = [{ grpcClose: 6 }, { logStatus: true }];
    const { wait } = await callingPlugin(
      [
        stream,
        { grpcClose: 'last' },
        { logStatus: true },
        { grpcSend: ['last', 'a', false] },
        { logStatus: true },
        ...again,
      ],
      up(url, { callbacks: { proxy_on_grpc_close: again } }),
    );
    const lines = await wait(8);
    expect(lines.slice(0, 3)).toEqual(['status 0', 'status 1', 'status 0']);
    expect(lines.slice(-1)).toEqual(['status 1']);
  });

  it('that the other side has closed can be closed once: Rust’s SDK panics otherwise', async () => {
    const { url } = await grpcServer();
    const close: readonly Operation[] = [{ grpcClose: 6 }, { logStatus: true }];
    const { wait } = await callingPlugin(
      [stream, { grpcSend: ['last', 'status 5', false] }],
      up(url, {
        callbacks: {
          proxy_on_grpc_close: [
            { grpcSend: [6, 'late', false] },
            { logStatus: true },
            ...close,
            ...close,
          ],
        },
      }),
    );
    expect((await wait(7)).slice(-3)).toEqual(['status 0', 'status 0', 'status 1']);
  });

  it('takes only so much that nobody reads', async () => {
    const port = await listen(createServer(() => undefined));
    const big = 'x'.repeat(100_000);
    const sends = new Array<Operation>(200).fill({ grpcSend: ['last', big, false] });
    const { texts } = await callingPlugin(
      [stream, ...sends, { logStatus: true }],
      up(`http://127.0.0.1:${String(port)}`),
    );
    expect(texts('info')).toEqual(['status 10']);
    expect(texts('warn')[0]).toMatch(/too much waits to be sent/);
  });
});

it('a client certificate is shown where the server asks for one', async () => {
  const { url } = await grpcServer({ secure: true, asksForCertificate: true });
  const upstreams = {
    up: { url, tls: { ca: tls.cert, cert: tls.cert, key: tls.key } },
    unknown: { url, tls: { ca: tls.cert } },
  };
  const calls = [unary('a'), { grpcCall: { upstream: 'unknown', message: 'b' } }] as const;
  const { wait, texts } = await callingPlugin(calls, up(url, { host: { upstreams } }));
  await wait(7);
  expect(texts().join('|')).toContain('message|5 2|aa');
  expect(texts('warn')).toEqual([expect.stringContaining('"unknown" ended with status 14')]);
});

describe('whom to call', () => {
  const field = (tag: number, ...parts: (Uint8Array | string)[]): Buffer => {
    const content = Buffer.concat(parts.map((part) => Buffer.from(part as string)));
    return Buffer.concat([Buffer.from([tag * 8 + 2, content.length]), content]);
  };

  it('may be said by a GrpcService, with authority and metadata', async () => {
    const { url, metadata } = await grpcServer();
    const envoy = Buffer.concat([
      field(1, field(1, 'up'), field(2, 'auth.test')),
      field(5, field(1, 'x-from'), field(2, 'service')),
    ]);
    const google = field(2, field(1, 'up'));
    const calls = [envoy, google].map((upstream): Operation => ({
      grpcCall: { upstream, message: 'a' },
    }));
    const { wait } = await callingPlugin(calls, up(url));
    await wait(6);
    expect(metadata.map((entries) => entries.includes('x-from')).sort()).toEqual([false, true]);
  });

  it('is a name in the options, or nobody', async () => {
    const { url } = await grpcServer();
    const names = ['nobody', new URL(url).host, field(2, field(1, new URL(url).host)), 'function'];
    const calls = names.flatMap((upstream): Operation[] => [
      { grpcCall: { upstream } },
      { logStatus: true },
      { grpcStream: { upstream } },
      { logStatus: true },
    ]);
    const host = { upstreams: { up: url, function: () => new Response() } };
    const { texts } = await callingPlugin(calls, up(url, { host }));
    const expected = [4, 4, 4, 4, 2, 2, 10, 10].map((status) => `status ${String(status)}`);
    expect(texts('info')).toEqual(expected);
    expect(texts('warn').at(-1)).toMatch(/"function" is a function: no gRPC can be called/);
  });

  it('ids of other kinds are BadArgument, unknown ones NotFound', async () => {
    const asked: Operation[] = [
      { grpcSend: [5, '', false] },
      { grpcSend: [4, '', false] },
      { grpcCancel: 4 },
      { grpcClose: 7 },
      { grpcSend: [6, '', false] },
      { grpcCancel: 5 },
      { grpcClose: 6 },
    ];
    const { texts } = await callingPlugin(asked.flatMap((each) => [each, { logStatus: true }]));
    expect(texts()).toEqual([2, 2, 2, 2, 1, 1, 1].map((status) => `status ${String(status)}`));
  });
});

describe('a plugin that closes', () => {
  it('cancels its calls and resets its streams', async () => {
    const { url, events } = await grpcServer();
    const { plugin, wait, texts } = await callingPlugin([unary('wait'), stream], up(url));
    await wait(2);
    await plugin.close();
    await expect.poll(() => cancelled(events)).toEqual(['cancelled', 'cancelled']);
    expect(texts()).toEqual(['initial', '1']);
  });
});
