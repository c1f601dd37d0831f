import { setImmediate } from 'node:timers/promises';

import { afterEach, describe, expect, it } from 'vitest';

import { createHost, type PluginOptions, type TracedCall } from '../../../src/index.js';
import { runExchange } from '../../../src/testing/index.js';
import { filter, LOG } from '../../support/modules.js';

const example = (name: string): URL =>
  new URL(`../../../../../examples/filters/${name}/${name}.wasm`, import.meta.url);

const silent = { info: () => undefined, warn: () => undefined, error: () => undefined };
const host = createHost({ logger: silent });

afterEach(async () => {
  // Every plugin of the test, so that its last callbacks come.
  await Promise.all(opened.splice(0).map((plugin) => plugin.close()));
});
const opened: { close(): Promise<void> }[] = [];

async function traced(options: PluginOptions) {
  const calls: TracedCall[] = [];
  const trace = { begin: (call: TracedCall) => void calls.push(call) };
  const plugin = await host.createPlugin({ trace, ...options });
  opened.push(plugin);
  return { plugin, calls };
}

/** A call without its times. */
function essence({ kind, name, depth, arguments: given, result, results, thrown }: TracedCall) {
  return { kind, name, depth, given, result, results, thrown };
}

const hostcall = (
  name: string,
  given: TracedCall['arguments'],
  result: TracedCall['result'] = 'OK',
  results: TracedCall['results'] = {},
) => ({ kind: 'hostcall', name, depth: 1, given, result, results, thrown: undefined });

const callback = (
  name: string,
  given: TracedCall['arguments'],
  result: TracedCall['result'] = undefined,
) => ({ kind: 'callback', name, depth: 0, given, result, results: {}, thrown: undefined });

describe('a traced plugin', () => {
  it('tells of every callback and hostcall of an exchange, in order, decoded', async () => {
    const { plugin, calls } = await traced({
      code: example('basic-auth'),
      configuration: { prefix: '/admin', users: { alice: 'wonderland' } },
    });
    expect(calls.map(({ name }) => name)).toContain('proxy_on_configure');
    const configured = calls.find(({ name, depth }) => name === 'proxy_get_buffer_bytes' && depth);
    expect(essence(configured!)).toEqual(
      hostcall(
        'proxy_get_buffer_bytes',
        { buffer: 'PLUGIN_CONFIGURATION', start: 0, max_size: expect.any(Number) as number },
        'OK',
        { bytes: '{"prefix":"/admin","users":{"alice":"wonderland"}}' },
      ),
    );
    calls.length = 0;
    await runExchange(plugin, { path: '/admin/x', headers: [['x-a', 'b']] });
    const names = calls.filter(({ depth }) => depth === 0).map(({ name }) => name);
    expect(names.slice(0, 2)).toEqual(['proxy_on_context_create', 'proxy_on_request_headers']);
    expect(names.slice(-3)).toEqual(['proxy_on_log', 'proxy_on_done', 'proxy_on_delete']);
    const answer = calls.find(({ name }) => name === 'proxy_send_local_response');
    expect(answer).toMatchObject({
      contextId: 2,
      pluginName: 'basic-auth',
      arguments: { status: 401, grpc_status: -1 },
      result: 'OK',
    });
    expect(answer?.arguments['headers']).toContainEqual([
      'www-authenticate',
      expect.stringContaining('Basic'),
    ]);
  });

  it('measures each call, the outer longer than those in it', async () => {
    const { plugin, calls } = await traced({ code: example('add-headers') });
    calls.length = 0;
    await runExchange(plugin, {});
    const at = calls.findIndex(({ name }) => name === 'proxy_on_response_headers');
    const inner = calls.slice(at + 1).findIndex(({ depth }) => depth === 0);
    const [outer, ...inside] = calls.slice(at, at + 1 + inner);
    expect(inside.length).toBeGreaterThan(0);
    for (const { startMs, durationMs = 0 } of inside) {
      expect(startMs).toBeGreaterThanOrEqual(outer!.startMs);
      expect(startMs + durationMs).toBeLessThanOrEqual(outer!.startMs + outer!.durationMs!);
    }
  });

  it('tells of the end after the beginning, with the same object', async () => {
    const events: [string, TracedCall][] = [];
    const trace = {
      begin: (call: TracedCall) => {
        expect(call).toMatchObject({ durationMs: undefined, result: undefined });
        events.push(['begin', call]);
      },
      end: (call: TracedCall) => void events.push(['end', call]),
    };
    const code = await filter({
      imports: LOG,
      body: `(data (i32.const 8) "hello") (func (export "proxy_on_tick") (param i32))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $log (i32.const 2) (i32.const 8) (i32.const 5))) (i32.const 1))`,
    });
    await traced({ code, trace });
    expect(events.map(([kind, { name }]) => `${kind} ${name}`)).toEqual([
      'begin proxy_on_configure',
      'begin proxy_log',
      'end proxy_log',
      'end proxy_on_configure',
    ]);
    expect(events[1]![1]).toBe(events[2]![1]);
    expect(essence(events[3]![1])).toEqual(
      callback('proxy_on_configure', { configuration_size: 0 }, true),
    );
    expect(essence(events[1]![1])).toEqual(
      hostcall('proxy_log', { level: 'INFO', message: 'hello' }),
    );
  });

  it('shows statuses by name, addresses that are none, bytes that are no text, and the size of what is cut', async () => {
    const code = await filter({
      imports: `${LOG}
        (import "env" "proxy_get_header_map_value" (func $get (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_set_shared_data" (func $set (param i32 i32 i32 i32 i32) (result i32)))
        (import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))`,
      body: `(data (i32.const 8) "name") (data (i32.const 16) "\\ff\\00\\01")
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (drop (call $log (i32.const 4) (i32.const -16) (i32.const 32)))
          (drop (call $get (i32.const 0) (i32.const 8) (i32.const 4) (i32.const 64) (i32.const 68)))
          (drop (call $set (i32.const 8) (i32.const 4) (i32.const 16) (i32.const 3) (i32.const 0)))
          (drop (call $set (i32.const 8) (i32.const 4) (i32.const 1024) (i32.const 40) (i32.const 9)))
          (drop (call $now (i32.const 96)))
          (i32.const 1))`,
    });
    const calls: TracedCall[] = [];
    const end = (call: TracedCall) => void calls.push(call);
    await traced({ code, trace: { end, textBytes: 10 } });
    expect(calls.slice(0, 4).map(essence)).toEqual([
      hostcall(
        'proxy_log',
        { level: 'ERROR', message: '(outside the memory)' },
        'INVALID_MEMORY_ACCESS',
      ),
      hostcall(
        'proxy_get_header_map_value',
        { map: 'HTTP_REQUEST_HEADERS', key: 'name' },
        'BAD_ARGUMENT',
      ),
      hostcall('proxy_set_shared_data', { key: 'name', value: '0xff0001', cas: 0 }),
      hostcall(
        'proxy_set_shared_data',
        { key: 'name', value: `${'\0'.repeat(10)}… (40 bytes)`, cas: 9 },
        'CAS_MISMATCH',
      ),
    ]);
    const [, , , , now] = calls;
    expect(now!.results['time_ns']).toBeGreaterThan(1e18);
  });

  it('tells of a trap in the callback, and of what the host refused in the hostcall', async () => {
    const code = await filter({
      body: '(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32) unreachable)',
    });
    const { plugin, calls } = await traced({ code, failurePolicy: 'fail-closed' });
    const { response, details } = await runExchange(plugin);
    expect(response?.headers).toEqual([[':status', '503']]);
    expect(details).toBe('wasm_fail_stream');
    expect(calls.at(-1)).toMatchObject({
      name: 'proxy_on_request_headers',
      arguments: { num_headers: 4, end_of_stream: true },
      result: undefined,
      thrown: 'unreachable',
    });
    expect(calls.at(-1)!.durationMs).toBeGreaterThanOrEqual(0);
  });

  it('shows how a module starts, its WASI calls, and functions of the app’s', async () => {
    const withFunctions = createHost({
      logger: silent,
      hostFunctions: { vendor_add: (_, a) => a },
    });
    const code = await filter({
      imports: `(import "env" "vendor_add" (func $add (param i32 i64) (result i32)))
        (import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))`,
      body: `(data (i32.const 8) "one two") (data (i32.const 32) "\\08\\00\\00\\00\\04\\00\\00\\00\\0c\\00\\00\\00\\03\\00\\00\\00")
        (func (export "_initialize")
          (drop (call $write (i32.const 1) (i32.const 32) (i32.const 2) (i32.const 64)))
          (drop (call $write (i32.const 7) (i32.const 32) (i32.const 2) (i32.const 64))))
        (func (export "proxy_on_configure") (param i32 i32) (result i32)
          (call $add (i32.const 3) (i64.const 4)))`,
    });
    const calls: TracedCall[] = [];
    const plugin = await withFunctions.createPlugin({
      code,
      trace: { begin: (call) => void calls.push(call) },
    });
    expect(calls.map(essence)).toEqual([
      callback('_initialize', {}),
      hostcall('fd_write', { fd: 1, bytes: 'one two' }, 'SUCCESS', { written: 7 }),
      hostcall('fd_write', { fd: 7, bytes: 'one two' }, 'BADF'),
      callback('proxy_on_configure', { configuration_size: 0 }, true),
      hostcall('vendor_add', { argument_0: 3, argument_1: 4 }, 3),
    ]);
    await plugin.close();
    await withFunctions.close();
  });

  it('keeps traced and untraced plugins of one vm id apart', async () => {
    const code = example('add-headers');
    const { plugin, calls } = await traced({ code, vm: { id: 'shared' } });
    const other = await host.createPlugin({ code, vm: { id: 'shared' } });
    opened.push(other);
    expect(other.context!.vm).not.toBe(plugin.context!.vm);
    const before = calls.length;
    await runExchange(other);
    expect(calls).toHaveLength(before);
  });

  it('leaves a VM that nobody traces as it is: the host calls the guest’s own exports', async () => {
    const plugin = await host.createPlugin({ code: example('add-headers') });
    opened.push(plugin);
    const { vm } = plugin.context!;
    expect(vm.trace).toBeUndefined();
    expect(String(vm.callbacks.onRequestHeaders)).toContain('[native code]');
  });

  it.each([[{}], [{ begin: 1 }], [{ begin: () => undefined, textBytes: -1 }], [() => undefined]])(
    'refuses %j as a tracer',
    async (trace) => {
      const made = host.createPlugin({ code: example('add-headers'), trace: trace as never });
      await expect(made).rejects.toMatchObject({ code: 'PW_ERR_OPTIONS_INVALID' });
    },
  );
});

it('raises what a tracer throws in the app, and the guest goes on', async () => {
  const raised: unknown[] = [];
  const listeners = process.listeners('uncaughtException');
  process.removeAllListeners('uncaughtException');
  process.on('uncaughtException', (error) => raised.push(error));
  try {
    const trace = {
      end: (call: TracedCall) => {
        if (call.name === 'proxy_on_configure') throw new Error('from the tracer');
      },
    };
    const { plugin } = await traced({ code: example('add-headers'), trace });
    const { response } = await runExchange(plugin);
    expect(response?.headers).toContainEqual(['x-wasm', '1']);
    await setImmediate();
    expect(raised).toEqual([new Error('from the tracer')]);
  } finally {
    process.removeAllListeners('uncaughtException');
    for (const listener of listeners) process.on('uncaughtException', listener);
  }
});
