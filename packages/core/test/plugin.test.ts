import { once } from 'node:events';

import { afterEach, describe, expect, it, vi } from 'vitest';

import type { PluginContext } from '../src/contexts/plugin-context.js';
import { createHost, createPlugin, type Host, type PluginOptions } from '../src/index.js';
import type { Plugin } from '../src/plugin.js';
import { filter, LOG, loggingBody } from './support/modules.js';
import { recordLog } from './support/record-log.js';

const LIFECYCLE = [
  'proxy_on_context_create',
  'proxy_on_vm_start',
  'proxy_on_configure',
  'proxy_on_done',
  'proxy_on_log',
  'proxy_on_delete',
];
const lifecycle = () => filter({ imports: LOG, body: loggingBody(LIFECYCLE) });
const STARTED = LIFECYCLE.slice(0, 3);

const open: Host[] = [];

function newHost() {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  open.push(host);
  return { host, log };
}

afterEach(async () => {
  vi.useRealTimers();
  await Promise.all(open.splice(0).map((host) => host.close()));
});

/** Ends the VM as a trap in a stream's callback does. */
function trap(plugin: Plugin): void {
  const context = plugin.context as PluginContext;
  const cause = new WebAssembly.RuntimeError('unreachable');
  context.vm.trapped(cause, context, 'proxy_on_tick');
}

const answering = (name: string, answer: string): string =>
  `(func (export "${name}") (param i32 i32) (result i32) ${answer})`;

describe('createPlugin', () => {
  it('starts root context, VM and configuration in this order, and no more', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle() });
    expect(log.texts()).toEqual(STARTED);
    expect(plugin).toMatchObject({ name: 'plugin', state: 'running', failOpen: false });
    await plugin.close();
    expect(log.texts()).toEqual([...STARTED, 'proxy_on_done', 'proxy_on_delete']);
    expect(plugin.state).toBe('closed');
    expect(plugin.context).toBeUndefined();
  });

  it('works on the process’s default host', async () => {
    const plugin = await createPlugin({ code: await filter() });
    expect(plugin.state).toBe('running');
    await plugin.close();
  });

  it('writes log lines as Envoy does, with fields', async () => {
    const { host, log } = newHost();
    const code = await filter({
      imports: LOG,
      body: loggingBody(['proxy_on_configure', '_start']),
    });
    await host.createPlugin({ code, name: 'p', rootId: 'r', vm: { id: 'v' } });
    expect(log.lines.map(({ message }) => message)).toEqual([
      'wasm log: _start',
      'wasm log r v: proxy_on_configure',
    ]);
    expect(log.lines[1]?.fields).toEqual({ plugin: 'p', rootId: 'r', vmId: 'v', contextId: 1 });
  });

  it('takes a module that exports no callback at all', async () => {
    const { host } = newHost();
    await expect(host.createPlugin({ code: await filter() })).resolves.toBeDefined();
  });

  it.each<[string, string, string, Partial<Record<string, unknown>>]>([
    [
      'a trap in proxy_on_context_create',
      '(func (export "proxy_on_context_create") (param i32 i32) unreachable)',
      'PW_ERR_CALLBACK_TRAPPED',
      { callback: 'proxy_on_context_create' },
    ],
    [
      'a trap in proxy_on_vm_start',
      answering('proxy_on_vm_start', 'unreachable'),
      'PW_ERR_CALLBACK_TRAPPED',
      { callback: 'proxy_on_vm_start' },
    ],
    [
      'a trap in proxy_on_configure',
      answering('proxy_on_configure', 'unreachable'),
      'PW_ERR_CALLBACK_TRAPPED',
      { callback: 'proxy_on_configure' },
    ],
    [
      'proxy_on_vm_start returning false',
      answering('proxy_on_vm_start', '(i32.const 0)'),
      'PW_ERR_VM_START_REFUSED',
      { contextId: 1 },
    ],
    [
      'proxy_on_configure returning false',
      answering('proxy_on_configure', '(i32.const 0)'),
      'PW_ERR_CONFIGURE_REFUSED',
      { contextId: 1 },
    ],
    [
      'a stack overflow',
      `(func $f (call $f)) ${answering('proxy_on_configure', '(call $f) (i32.const 1)')}`,
      'PW_ERR_CALLBACK_TRAPPED',
      { callback: 'proxy_on_configure' },
    ],
  ])('fails with its own code and leaves nothing: %s', async (_what, body, code, details) => {
    const { host, log } = newHost();
    const options = { code: await filter({ body }), name: 'p', vm: { id: 'shared' } };
    for (let attempt = 0; attempt < 2; attempt += 1) {
      await expect(host.createPlugin(options)).rejects.toMatchObject({
        code,
        pluginName: 'p',
        message: expect.stringContaining('plugin "p": '),
        ...details,
      });
    }
    expect(host.health()).toEqual({ ready: true, plugins: [] });
    expect(log.texts()).toEqual([]);
  });

  it('fails with the loader’s codes, naming the plugin', async () => {
    const { host } = newHost();
    await expect(host.createPlugin({ code: '/no/such/auth.wasm' })).rejects.toMatchObject({
      code: 'PW_ERR_CODE_NOT_FOUND',
      pluginName: 'auth',
    });
    await expect(host.createPlugin({ cod: 1 } as never)).rejects.toMatchObject({
      code: 'PW_ERR_OPTIONS_INVALID',
    });
  });

  it('takes a compiled module, without a limit on time', async () => {
    const { host, log } = newHost();
    const code = await WebAssembly.compile(await lifecycle());
    await host.createPlugin({ code, limits: { callbackTimeMs: false } });
    expect(log.texts()).toEqual(STARTED);
    await expect(host.createPlugin({ code })).rejects.toMatchObject({
      code: 'PW_ERR_OPTIONS_INVALID',
    });
  });

  it('keeps what a guest wrote before it failed', async () => {
    const { host, log } = newHost();
    const body = `(data (i32.const 64) "\\60\\00\\00\\00\\04\\00\\00\\00") (data (i32.const 96) "oops")
      (func (export "_start") (drop (call $write (i32.const 2) (i32.const 64) (i32.const 1) (i32.const 8))) unreachable)`;
    const imports =
      '(import "wasi_snapshot_preview1" "fd_write" (func $write (param i32 i32 i32 i32) (result i32)))';
    const code = await filter({ imports, body });
    await expect(host.createPlugin({ code })).rejects.toMatchObject({
      code: 'PW_ERR_START_TRAPPED',
    });
    expect(log.texts('error')).toEqual(['oops']);
  });

  it('never calls callbacks that the capabilities leave out', async () => {
    const { host, log } = newHost();
    await host.createPlugin({
      code: await lifecycle(),
      capabilities: ['proxy_log', 'proxy_on_configure'],
    });
    expect(log.texts()).toEqual(['proxy_on_configure']);
  });

  it('uses the plugin’s logger before the host’s', async () => {
    const { host, log } = newHost();
    const own = recordLog();
    await host.createPlugin({ code: await lifecycle(), logger: own.logger });
    expect([log.texts(), own.texts()]).toEqual([[], STARTED]);
  });

  it('tells the guest the host’s time', async () => {
    const host = createHost({ clock: { nowNs: () => 1234n } });
    const code = await filter({
      imports:
        '(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))',
      body: answering(
        'proxy_on_configure',
        '(drop (call $now (i32.const 8))) (i64.eq (i64.load (i32.const 8)) (i64.const 1234))',
      ),
    });
    await expect(host.createPlugin({ code })).resolves.toBeDefined();
  });
});

describe('VMs', () => {
  const memoryOf = (plugin: Plugin) => plugin.context?.vm;

  it('are private without vm.id', async () => {
    const { host } = newHost();
    const code = await lifecycle();
    const [first, second] = [await host.createPlugin({ code }), await host.createPlugin({ code })];
    expect(memoryOf(first)).not.toBe(memoryOf(second));
    expect(first.context?.vm.identity.vmId).toBe('');
  });

  it('are shared by plugins that have id, configuration, code, environment, limits and capabilities in common', async () => {
    const { host } = newHost();
    const code = await lifecycle();
    const base: PluginOptions = { code, rootId: 'a', vm: { id: 'v', configuration: 'c' } };
    const first = await host.createPlugin(base);
    const second = await host.createPlugin({ ...base, rootId: 'b', failurePolicy: 'fail-open' });
    expect(memoryOf(second)).toBe(memoryOf(first));
    expect(second.context).not.toBe(first.context);
    const others: Partial<PluginOptions>[] = [
      { vm: { id: 'w', configuration: 'c' } },
      { vm: { id: 'v', configuration: 'd' } },
      { vm: { id: 'v', configuration: 'c', environment: { A: '1' } } },
      { code: await filter({ imports: LOG, body: loggingBody(LIFECYCLE.slice(0, 4)) }) },
      { limits: { bufferedBodyBytes: 1 } },
      { capabilities: ['proxy_log'] },
    ];
    for (const other of others) {
      expect(memoryOf(await host.createPlugin({ ...base, ...other }))).not.toBe(memoryOf(first));
    }
  });

  it('are shared even by plugins that are made at the same time', async () => {
    const { host, log } = newHost();
    const options = { code: await lifecycle(), vm: { id: 'v' } };
    const [first, second] = await Promise.all([
      host.createPlugin(options),
      host.createPlugin(options),
    ]);
    expect(second.context).toBe(first.context);
    expect(log.texts()).toEqual(STARTED);
  });

  it('share a plugin context for the same root id and configuration, closed with the last', async () => {
    const { host, log } = newHost();
    const options = { code: await lifecycle(), rootId: 'r', configuration: 'c', vm: { id: 'v' } };
    const [first, second] = [await host.createPlugin(options), await host.createPlugin(options)];
    const other = await host.createPlugin({ ...options, configuration: 'd' });
    expect(second.context).toBe(first.context);
    expect(other.context).not.toBe(first.context);
    expect(log.texts()).toEqual([...STARTED, ...STARTED]);
    await first.close();
    expect(log.texts()).toHaveLength(6);
    expect(second.context).toBeDefined();
    await second.close();
    expect(log.texts().slice(6)).toEqual(['proxy_on_done', 'proxy_on_delete']);
    expect(other.context?.vm.contexts.size).toBe(1);
    await other.close();
    const fresh = await host.createPlugin(options);
    expect(fresh.context?.id).toBe(1);
  });

  it('live on when one of their plugins is refused, whose context the guest forgets', async () => {
    const { host, log } = newHost();
    // Configures itself only if its configuration is two bytes long.
    const body = `${loggingBody(['proxy_on_done', 'proxy_on_delete'])}
      ${answering('proxy_on_configure', '(i32.eq (local.get 1) (i32.const 2))')}`;
    const options = { code: await filter({ imports: LOG, body }), vm: { id: 'v' } };
    const plugin = await host.createPlugin({ ...options, configuration: 'ok' });
    await expect(host.createPlugin({ ...options, configuration: 'bad' })).rejects.toMatchObject({
      code: 'PW_ERR_CONFIGURE_REFUSED',
    });
    expect(log.texts()).toEqual(['proxy_on_done', 'proxy_on_delete']);
    expect(plugin.context?.vm.contexts.size).toBe(1);
    expect(plugin.state).toBe('running');
  });

  it('take all their plugins with them when they fail', async () => {
    const { host } = newHost();
    const options = {
      code: await lifecycle(),
      vm: { id: 'v' },
      failurePolicy: 'fail-closed' as const,
    };
    const first = await host.createPlugin(options);
    const second = await host.createPlugin({ ...options, rootId: 'other' });
    const apart = await host.createPlugin({ ...options, vm: { id: 'apart' } });
    trap(first);
    expect([first.state, second.state, apart.state]).toEqual(['failed', 'failed', 'running']);
    const fresh = await host.createPlugin(options);
    expect(fresh.state).toBe('running');
  });
});

describe('close', () => {
  const done = '(import "env" "proxy_done" (func $done (result i32)))';
  const finish = (call: string): string => `
    ${loggingBody(['proxy_on_delete'])}
    (func (export "proxy_on_done") (param i32) (result i32) (i32.const 0))
    (func (export "proxy_on_tick") (param i32) ${call})`;

  it('waits for proxy_done where proxy_on_done answers false', async () => {
    const { host, log } = newHost();
    const body = finish('(drop (call $done))');
    const plugin = await host.createPlugin({
      code: await filter({ imports: `${LOG} ${done}`, body }),
    });
    const { vm, id } = plugin.context as PluginContext;
    let closed = false;
    const closing = plugin.close().then(() => (closed = true));
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect([closed, log.texts()]).toEqual([false, []]);
    vm.enter(vm.contexts.get(id) as PluginContext);
    vm.callbacks.onTick?.(id);
    vm.leave();
    await closing;
    expect(log.texts()).toEqual(['proxy_on_delete']);
  });

  it('waits ten seconds for proxy_done, then warns and deletes the context', async () => {
    const { host, log } = newHost();
    const code = await filter({ imports: LOG, body: finish('') });
    const plugin = await host.createPlugin({ code, name: 'slow' });
    vi.useFakeTimers();
    const closing = plugin.close();
    await vi.advanceTimersByTimeAsync(9_900);
    expect(log.texts()).toEqual([]);
    await vi.advanceTimersByTimeAsync(200);
    await closing;
    expect(log.texts('warn')[0]).toContain('plugin "slow" did not call proxy_done within 10 s');
    expect(log.texts('info')).toEqual(['proxy_on_delete']);
  });

  it('waits for the streams that run, and lets the slow ones go on', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle(), name: 'p' });
    const context = plugin.context as PluginContext;
    context.streams = 1;
    vi.useFakeTimers();
    const closing = plugin.close();
    expect(plugin.context).toBeUndefined();
    await vi.advanceTimersByTimeAsync(11_000);
    await closing;
    expect(log.texts('warn')[0]).toContain('plugin "p" still has 1 open streams');
    expect(log.texts('info')).toEqual(STARTED);
    context.streamEnded();
    await vi.advanceTimersByTimeAsync(0);
    expect(log.texts('info').slice(3)).toEqual(['proxy_on_done', 'proxy_on_delete']);
  });

  it('can be called twice, and after a failure, in which case no callback comes', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle() });
    trap(plugin);
    await Promise.all([plugin.close(), plugin.close()]);
    expect(log.texts('info')).toEqual(STARTED);
    expect(plugin.state).toBe('closed');
    await expect(plugin.reload()).rejects.toMatchObject({ code: 'PW_ERR_PLUGIN_CLOSED' });
  });

  it('logs a trap in the last callbacks, and closes all the same', async () => {
    const { host, log } = newHost();
    const body = '(func (export "proxy_on_done") (param i32) (result i32) unreachable)';
    const plugin = await host.createPlugin({ code: await filter({ body }), name: 'p' });
    await plugin.close();
    expect(plugin.state).toBe('closed');
    expect(log.texts('warn')[0]).toContain('plugin "p", while its context was being closed');
  });
});

describe('a plugin whose VM fails', () => {
  it('says so once: in the log, by its state and by an event', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({
      code: await lifecycle(),
      name: 'p',
      failurePolicy: 'fail-closed',
    });
    const failed = once(plugin, 'failed');
    trap(plugin);
    expect((await failed)[0]).toMatchObject({
      code: 'PW_ERR_CALLBACK_TRAPPED',
      pluginName: 'p',
      callback: 'proxy_on_tick',
    });
    expect(plugin).toMatchObject({ state: 'failed', context: undefined, failOpen: false });
    expect(log.texts('error')).toEqual([
      'plugin "p": proxy_on_tick trapped (context 1): unreachable',
    ]);
    expect(host.health()).toEqual({
      ready: false,
      plugins: [
        {
          name: 'p',
          rootId: '',
          vmId: '',
          state: 'failed',
          streams: 0,
          failure: {
            code: 'PW_ERR_CALLBACK_TRAPPED',
            message: 'plugin "p": proxy_on_tick trapped (context 1): unreachable',
          },
        },
      ],
    });
  });

  it('logs the guest’s stack', async () => {
    const { host, log } = newHost();
    const body = `(func $inner unreachable)
      (func (export "proxy_on_done") (param i32) (result i32) (call $inner) (i32.const 1))`;
    const plugin = await host.createPlugin({ code: await filter({ body }) });
    await plugin.close();
    expect(log.texts('warn')[0]).toMatch(/unreachable\n +at inner wasm-function\[\d+\]:0x/);
  });

  it('stays failed under fail-closed and fail-open', async () => {
    const { host } = newHost();
    const code = await lifecycle();
    for (const failurePolicy of ['fail-closed', 'fail-open'] as const) {
      const plugin = await host.createPlugin({ code, failurePolicy });
      vi.useFakeTimers();
      trap(plugin);
      await vi.advanceTimersByTimeAsync(120_000);
      vi.useRealTimers();
      expect(plugin).toMatchObject({ state: 'failed', context: undefined });
      expect(plugin.failOpen).toBe(failurePolicy === 'fail-open');
    }
  });

  it('heals by itself after a second or so, under fail-reload', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle() });
    vi.useFakeTimers();
    const recovered = vi.fn();
    plugin.on('recovered', recovered);
    trap(plugin);
    await vi.advanceTimersByTimeAsync(950);
    expect([plugin.state, plugin.context]).toEqual(['failed', undefined]);
    await vi.advanceTimersByTimeAsync(600);
    expect(plugin.state).toBe('running');
    expect(plugin.context).toBeDefined();
    expect(plugin.failure).toBeUndefined();
    expect(recovered).toHaveBeenCalledTimes(1);
    expect(log.texts('info')).toEqual([...STARTED, ...STARTED]);
  });

  it('heals when a stream asks for it and it is time', async () => {
    const { host } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle() });
    vi.useFakeTimers({ toFake: ['performance'] });
    trap(plugin);
    expect(plugin.context).toBeUndefined();
    vi.advanceTimersByTime(1600);
    expect(plugin.context).toBeDefined();
    expect(plugin.state).toBe('running');
  });

  it('tries ever more seldom while its start fails', async () => {
    const log = recordLog();
    // Starts once only: the host function counts.
    let starts = 0;
    const own = createHost({
      logger: log.logger,
      hostFunctions: { start: () => ((starts += 1) === 1 ? 1 : 0) },
    });
    open.push(own);
    const code = await filter({
      imports: '(import "env" "start" (func $start (result i32)))',
      body: answering('proxy_on_configure', '(call $start)'),
    });
    const plugin = await own.createPlugin({ code, name: 'p' });
    vi.useFakeTimers();
    trap(plugin);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(plugin.state).toBe('failed');
    // After 1, 2, 4, 8, 16 s and up to half as much again.
    expect(starts).toBeGreaterThanOrEqual(5);
    expect(starts).toBeLessThanOrEqual(7);
    expect(log.texts('error')[1]).toContain('plugin "p" could not be started again: ');
    await plugin.close();
    await vi.advanceTimersByTimeAsync(60_000);
    expect(starts).toBeLessThanOrEqual(7);
  });

  it('settles the streams that are open on it', async () => {
    const { host } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle() });
    const { vm } = plugin.context as PluginContext;
    const context = { id: 99, vmFailed: vi.fn() };
    vm.contexts.set(99, context as never);
    trap(plugin);
    expect(context.vmFailed).toHaveBeenCalledTimes(1);
  });

  it('says that a module has no HTTP context where a stream’s context fails', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle() });
    const { vm } = plugin.context as PluginContext;
    vm.trapped(new Error('unreachable'), { id: 2 } as never, 'proxy_on_context_create');
    expect(log.texts('error')[0]).toContain('can not be used as an HTTP filter');
  });
});

describe('reload', () => {
  const configurable = () =>
    filter({
      imports: LOG,
      body: `${loggingBody(['proxy_on_delete'])}
        ${answering('proxy_on_configure', '(i32.ne (local.get 1) (i32.const 3))')}`,
    });

  it('puts a new VM in place and closes the old one', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await lifecycle(), name: 'p' });
    const old = plugin.context;
    const reloaded = once(plugin, 'reloaded');
    await plugin.reload({ configuration: { a: 1 } });
    await reloaded;
    expect(plugin.context).not.toBe(old);
    expect(plugin.context?.vm).not.toBe(old?.vm);
    expect(Buffer.from(plugin.context?.settings.configuration ?? []).toString()).toBe('{"a":1}');
    await vi.waitFor(() => {
      expect(log.texts().slice(6)).toEqual(['proxy_on_done', 'proxy_on_delete']);
    });
  });

  it('leaves the old context to the streams that have it', async () => {
    const { host, log } = newHost();
    const plugin = await host.createPlugin({ code: await configurable() });
    const old = plugin.context as PluginContext;
    old.streams = 1;
    await plugin.reload({ code: await lifecycle() });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(log.texts()).toEqual(STARTED);
    expect(old.vm.failure).toBeUndefined();
    old.streamEnded();
    await vi.waitFor(() => {
      expect(log.texts()).toEqual([...STARTED, 'proxy_on_delete']);
    });
  });

  it('that fails keeps what runs', async () => {
    const { host } = newHost();
    const plugin = await host.createPlugin({ code: await configurable(), configuration: 'yes!' });
    const old = plugin.context;
    await expect(plugin.reload({ configuration: 'bad' })).rejects.toMatchObject({
      code: 'PW_ERR_CONFIGURE_REFUSED',
      pluginName: 'plugin',
    });
    await expect(plugin.reload({ code: '/no/such.wasm' })).rejects.toMatchObject({
      code: 'PW_ERR_CODE_NOT_FOUND',
    });
    await expect(plugin.reload({ rootId: 'x' } as never)).rejects.toMatchObject({
      code: 'PW_ERR_OPTIONS_INVALID',
    });
    expect([plugin.context, plugin.state]).toEqual([old, 'running']);
    await plugin.reload();
    expect(plugin.context).not.toBe(old);
  });

  it('brings back a plugin that has failed', async () => {
    const { host } = newHost();
    const plugin = await host.createPlugin({
      code: await lifecycle(),
      failurePolicy: 'fail-closed',
    });
    trap(plugin);
    await plugin.reload();
    expect(plugin.state).toBe('running');
    expect(host.health().ready).toBe(true);
  });
});

describe('a host that is closed', () => {
  it('closes its plugins and takes no new ones', async () => {
    const { host, log } = newHost();
    const code = await lifecycle();
    const plugin = await host.createPlugin({ code });
    const late = host.createPlugin({ code });
    await host.close();
    await expect(late).rejects.toMatchObject({ code: 'PW_ERR_HOST_CLOSED' });
    await expect(host.createPlugin({ code })).rejects.toMatchObject({ code: 'PW_ERR_HOST_CLOSED' });
    expect(plugin.state).toBe('closed');
    expect(log.texts()).toEqual([...STARTED, 'proxy_on_done', 'proxy_on_delete']);
    expect(host.health()).toEqual({ ready: false, plugins: [] });
  });
});
