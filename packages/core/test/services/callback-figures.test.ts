/** What the host counts where it calls plugins: with real modules, on real streams and sockets. */
import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { CALLBACK_NAMES } from '../../src/abi/callback-kinds.js';
import { CALLBACK_SIGNATURES } from '../../src/abi/callback-signatures.js';
import { createHost, type Host, type HostOptions, type MetricSample } from '../../src/index.js';
import { callingPlugin, httpServer, tcpServer } from '../support/calling-plugin.js';
import { grpcServer } from '../support/grpc-server.js';
import { recordLog } from '../support/record-log.js';
import { bytes, testStream, type TestStream } from '../support/stream-harness.js';
import { TestClock } from '../support/test-clock.js';

const hosts: Host[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

type Callbacks = GuestScript['callbacks'];

async function plugin(callbacks: Callbacks, options: HostOptions = {}) {
  const { logger } = recordLog();
  const host = createHost({ logger, ...options });
  hosts.push(host);
  const code = await guest({ callbacks });
  return { host, code, plugin: await host.createPlugin({ code, name: 'p' }) };
}

const samples = (host: Host, name: string): MetricSample[] =>
  host.metrics.read().filter((sample) => sample.name === name);

/** Callback (without `proxy_on_`), or other labels, by value. */
function counts(host: Host, name: string): Record<string, number> {
  const entries = samples(host, name).map(({ labels, value }) => {
    const { callback, type, result } = labels;
    const key = callback?.replace('proxy_on_', '') ?? [type, result].join(' ');
    return [key, value] as const;
  });
  return Object.fromEntries(entries);
}

const figure = (host: Host, name: string): number | undefined => samples(host, name)[0]?.value;

function exchange({ stream, responseHeaders }: TestStream): void {
  stream.responseHeaders(responseHeaders, true);
  stream.complete();
}

const EVERYTHING: Callbacks = {
  proxy_on_context_create: [],
  proxy_on_configure: [],
  proxy_on_request_headers: [],
  proxy_on_request_body: [],
  proxy_on_request_trailers: [],
  proxy_on_response_headers: [],
  proxy_on_response_body: [],
  proxy_on_response_trailers: [],
  proxy_on_done: [],
  proxy_on_log: [],
  proxy_on_delete: [],
};

it('names callbacks as the ABI does', () => {
  const known = Object.keys(CALLBACK_SIGNATURES);
  expect(CALLBACK_NAMES.filter((name) => !known.includes(name))).toEqual([]);
  expect(new Set(CALLBACK_NAMES).size).toBe(25);
});

describe('calls', () => {
  it('are counted by callback, each of them', async () => {
    const { host, plugin: p } = await plugin(EVERYTHING);
    for (let count = 0; count < 200; count += 1) {
      const test = testStream();
      test.stream.join([p], false);
      test.stream.requestData(bytes('a'), false);
      test.stream.requestData(bytes('b'), true);
      exchange(test);
    }
    expect(counts(host, 'wasm.callback_calls')).toEqual({
      context_create: 201,
      configure: 1,
      request_headers: 200,
      request_body: 400,
      response_headers: 200,
      log: 200,
      done: 200,
      delete: 200,
    });
  });

  it('of plugins of one name are one figure, which outlives contexts', async () => {
    const { host, code, plugin: p } = await plugin({ proxy_on_request_headers: [] });
    const other = await host.createPlugin({ code, name: 'p' });
    for (const each of [p, other]) {
      const test = testStream();
      test.stream.join([each], true);
      exchange(test);
    }
    await p.reload();
    await other.close();
    expect(counts(host, 'wasm.callback_calls')).toEqual({ request_headers: 2 });
  });

  it('of a plugin’s last callbacks are counted too', async () => {
    const { host, plugin: p } = await plugin({ proxy_on_done: [], proxy_on_delete: [] });
    await p.reload();
    await vi.waitFor(() => {
      expect(counts(host, 'wasm.callback_calls')).toEqual({ done: 1, delete: 1 });
    });
  });

  it('of ticks are counted', async () => {
    const clock = new TestClock();
    const callbacks = { proxy_on_configure: [{ setTickPeriod: 10 }], proxy_on_tick: [] };
    const { host } = await plugin(callbacks, { clock });
    clock.advance(10);
    clock.advance(10);
    expect(counts(host, 'wasm.callback_calls')).toEqual({ configure: 1, tick: 2 });
  });
});

describe('times', () => {
  it('are taken of one stream’s call in 128, and of each call of other callbacks', async () => {
    const { host, plugin: p } = await plugin({
      proxy_on_configure: [],
      proxy_on_request_headers: [],
    });
    for (let count = 0; count < 258; count += 1) {
      const test = testStream();
      test.stream.join([p], true);
      exchange(test);
    }
    expect(counts(host, 'wasm.callback_duration_seconds')).toEqual({
      configure: 1,
      request_headers: 2,
    });
    const [, headers] = samples(host, 'wasm.callback_duration_seconds');
    expect(headers?.sum).toBeGreaterThan(0);
    expect(headers?.buckets?.at(-1)).toEqual({ upTo: Infinity, count: 2 });
  });

  it('are there for Prometheus, in seconds', async () => {
    const { host } = await plugin({ proxy_on_configure: [] });
    const text = await host.metrics.toPrometheus();
    const labels = 'plugin="p",callback="proxy_on_configure"';
    expect(text).toContain('# TYPE wasm_callback_duration_seconds histogram\n');
    expect(text).toContain(`wasm_callback_duration_seconds_count{${labels}} 1\n`);
    expect(text).toContain(`wasm_callback_duration_seconds_bucket{${labels},le="+Inf"} 1\n`);
    expect(text).toContain(`wasm_callback_calls{${labels}} 1\n`);
  });
});

describe('traps', () => {
  it('are counted by callback', async () => {
    const { host, plugin: p } = await plugin({
      proxy_on_request_headers: [{ trap: true }],
      proxy_on_log: [],
    });
    const test = testStream();
    test.stream.join([p], true);
    test.stream.complete();
    expect(counts(host, 'wasm.callback_traps')).toEqual({ request_headers: 1 });
    expect(counts(host, 'wasm.callback_calls')).toEqual({ request_headers: 1 });
    expect(figure(host, 'wasm.vm_failures')).toBe(1);
  });

  it('are the fault of one plugin, where several share the VM', async () => {
    const { logger } = recordLog();
    const host = createHost({ logger });
    hosts.push(host);
    const code = await guest({
      callbacks: { proxy_on_context_create: [], proxy_on_request_headers: [{ trap: true }] },
    });
    const shared = { code, vm: { id: 'v' } };
    const a = await host.createPlugin({ ...shared, name: 'a' });
    await host.createPlugin({ ...shared, name: 'b' });
    testStream().stream.join([a], true);
    const traps = samples(host, 'wasm.callback_traps').filter(({ value }) => value > 0);
    expect(traps).toMatchObject([{ labels: { plugin: 'a' }, value: 1 }]);
    expect(samples(host, 'wasm.vm_failures').map(({ value }) => value)).toEqual([1, 1]);
  });

  it('of the allocator are those of the callback that needed it', async () => {
    const { logger } = recordLog();
    const host = createHost({ logger });
    hosts.push(host);
    const code = await guest({
      callbacks: { proxy_on_request_headers: [{ logHeader: [0, ':path'] }] },
      allocatorBody: '(unreachable)',
    });
    const p = await host.createPlugin({ code, name: 'p' });
    testStream().stream.join([p], true);
    expect(counts(host, 'wasm.callback_traps')).toEqual({ request_headers: 1 });
  });

  it('take their time too', async () => {
    const clock = new TestClock();
    const callbacks: Callbacks = {
      proxy_on_configure: [{ setTickPeriod: 10 }],
      proxy_on_tick: [{ trap: true }],
    };
    const { host } = await plugin(callbacks, { clock });
    clock.advance(10);
    expect(counts(host, 'wasm.callback_traps')).toEqual({ configure: 0, tick: 1 });
    expect(counts(host, 'wasm.callback_duration_seconds')).toEqual({ configure: 1, tick: 1 });
  });
});

describe('streams that wait', () => {
  it.each<[string, Callbacks, string]>([
    ['in headers', { proxy_on_request_headers: [{ return: 1 }] }, 'request_headers'],
    ['in the body', { proxy_on_request_body: [{ return: 1 }] }, 'request_body'],
    ['in trailers', { proxy_on_request_trailers: [{ return: 1 }] }, 'request_trailers'],
    ['in the answer', { proxy_on_response_headers: [{ return: 1 }] }, 'response_headers'],
  ])('are counted while they do, and by callback: %s', async (_where, callbacks, name) => {
    const { host, plugin: p } = await plugin(callbacks);
    const test = testStream();
    test.stream.join([p], false);
    test.stream.requestData(bytes('a'), false);
    if (name.endsWith('trailers')) test.stream.requestTrailers(testStream().requestHeaders);
    test.stream.responseHeaders(test.responseHeaders, true);
    expect(figure(host, 'wasm.paused_streams')).toBe(1);
    expect(counts(host, 'wasm.callback_pauses')[name]).toBe(1);
    test.stream.complete();
    expect(figure(host, 'wasm.paused_streams')).toBe(0);
    expect(counts(host, 'wasm.callback_pauses')[name]).toBe(1);
  });

  it('are counted once where both directions wait, and not once resumed', async () => {
    const { host, plugin: p } = await plugin({
      proxy_on_request_body: [{ return: 1 }],
      proxy_on_response_headers: [{ return: 1 }],
      proxy_on_response_trailers: [{ continueStream: 0 }, { continueStream: 1 }],
      proxy_on_tick: [],
    });
    const test = testStream();
    test.stream.join([p], false);
    test.stream.requestData(bytes('a'), false);
    test.stream.responseHeaders(test.responseHeaders, false);
    expect(figure(host, 'wasm.paused_streams')).toBe(1);
    test.stream.sendLocalResponse({
      ...{ statusCode: 500, details: '', headers: [], grpcStatus: -1 },
      body: bytes(''),
    });
    expect(figure(host, 'wasm.paused_streams')).toBe(0);
    test.stream.complete();
  });

  it('are not those that a local response has answered', async () => {
    const { host, plugin: p } = await plugin({
      proxy_on_request_headers: [{ localResponse: { status: 403 } }, { return: 1 }],
    });
    const test = testStream();
    test.stream.join([p], true);
    expect(figure(host, 'wasm.paused_streams')).toBe(0);
    expect(counts(host, 'wasm.callback_pauses')).toEqual({ request_headers: 0 });
    expect(figure(host, 'wasm.local_responses')).toBe(1);
    test.stream.complete();
  });
});

describe('calls to upstreams', () => {
  it('over HTTP are counted by what came of them', async () => {
    const statuses = [200, 302, 404, 500];
    const ok = await httpServer((req, res) => {
      res.writeHead(statuses[Number(req.url?.slice(1))] ?? 200).end();
    });
    const halfway = await tcpServer((socket) => {
      socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'));
    });
    const silent = await tcpServer(() => undefined);
    const path = (each: number) =>
      [
        [':method', 'GET'],
        [':path', `/${String(each)}`],
        [':authority', 'a'],
      ] as const;
    const {
      host,
      plugin: p,
      wait,
    } = await callingPlugin(
      [
        ...statuses.map((_, index) => ({ httpCall: { upstream: 'ok', headers: path(index) } })),
        { httpCall: { upstream: 'halfway' } },
        { httpCall: { upstream: 'refused' } },
        { httpCall: { upstream: 'silent', timeoutMs: 30 } },
        { httpCall: { upstream: 'silent' } },
        { httpCall: { upstream: 'nobody' } },
      ],
      {
        callbacks: { proxy_on_http_call_response: [{ logCallSizes: true }] },
        host: { upstreams: { ok, halfway, silent, refused: 'http://127.0.0.1:1' } },
      },
    );
    // Three warnings and one for the unknown name, and two lines for each answer.
    await wait(4 + 7 * 2);
    expect(counts(host, 'wasm.upstream_calls')).toEqual({
      'http 2xx': 1,
      'http 3xx': 1,
      'http 4xx': 1,
      'http 5xx': 1,
      'http reset': 1,
      'http unreachable': 1,
      'http timeout': 1,
      'http not_started': 1,
    });
    expect(counts(host, 'wasm.callback_calls')['http_call_response']).toBe(7);
    const other = await host.createPlugin({ code: await guest({ callbacks: {} }), name: 'caller' });
    await p.close();
    expect(counts(host, 'wasm.upstream_calls')['http cancelled']).toBe(1);
    await other.close();
  });

  it('over gRPC are counted by status', async () => {
    const { url: target } = await grpcServer();
    const { host, log } = await callingGrpc(target);
    await vi.waitFor(() => {
      expect(counts(host, 'wasm.upstream_calls')).toEqual({
        'grpc ok': 1,
        'grpc unavailable': 1,
        'grpc not_started': 1,
        'grpc cancelled': 1,
      });
    });
    expect(log()).not.toEqual([]);
  });
});

async function callingGrpc(target: string) {
  const { host, texts } = await callingPlugin(
    [
      { grpcCall: { upstream: 'g', message: 'm' } },
      { grpcCall: { upstream: 'refused' } },
      { grpcCall: { upstream: 'nobody' } },
      { grpcStream: { upstream: 'g' } },
      { grpcCancel: 'last' },
    ],
    {
      callbacks: {
        proxy_on_grpc_receive: [{ logCall: true }],
        proxy_on_grpc_close: [{ logCall: true }],
      },
      host: { upstreams: { g: target, refused: 'http://127.0.0.1:1' } },
    },
  );
  return { host, log: texts };
}

describe('the option instruments', () => {
  it('switches off what is counted of callbacks, and nothing else', async () => {
    const { host, plugin: p } = await plugin(EVERYTHING, { instruments: false });
    const test = testStream();
    test.stream.join([p], true);
    exchange(test);
    const names = host.metrics.read().map(({ name }) => name);
    expect(names.filter((name) => name.startsWith('wasm.callback_'))).toEqual([]);
    expect(names).toContain('wasm.vm_memory_size');
    expect(p.context?.instruments).toBeNull();
  });

  it('takes nothing but true and false', () => {
    expect(() => createHost({ instruments: 'no' as never })).toThrow(/instruments must be/);
  });
});
