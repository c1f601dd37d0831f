/** VMs that have served their time, through real sockets. */
import { once } from 'node:events';

import { afterEach, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type PluginOptions } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import type { Plugin } from '../../src/plugin.js';
import { eventually, listen, serverOf } from '../support/filter-server.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Pauses the stream of context 2, until a tick. */
const PAUSE_FIRST: Operation = { inContext: [2, [{ return: 1 }]] };
const GROW: Operation = { wat: '(drop (memory.grow (i32.const 1)))' };

async function serve(onRequest: readonly Operation[], ...plugins: Omit<PluginOptions, 'code'>[]) {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  cleanups.push(() => host.close());
  const code = await guest({
    callbacks: {
      proxy_on_request_headers: [...onRequest],
      proxy_on_tick: [{ effectiveContext: 2 }, { continueStream: 0 }],
      proxy_on_done: [{ log: 'done' }],
      proxy_on_delete: [{ inContext: [1, [{ log: 'root deleted' }]] }],
    },
  });
  const made: Plugin[] = [];
  for (const options of plugins) {
    made.push(await host.createPlugin({ code, name: 'p', ...options }));
  }
  const { port, close } = await listen(
    serverOf(wasmFilter(made), (_, res) => {
      res.end('ok');
    }),
  );
  cleanups.push(close);
  const send = async () => (await fetch(`http://127.0.0.1:${String(port)}/`)).status;
  return { host, log, send, plugins: made as [Plugin, ...Plugin[]] };
}

it('after so many requests: the streams that are open finish on the old VM, which is then told', async () => {
  const { send, log, plugins, host } = await serve([PAUSE_FIRST], { recycle: { requests: 3 } });
  const [plugin] = plugins;
  const old = plugin.context;
  const paused = send();
  await eventually(() => plugin.streams === 1, 'paused');
  for (let request = 0; request < 2; request += 1) await send();
  expect(plugin.context).toBe(old);
  const reloaded = once(plugin, 'reloaded');
  await send();
  const [details] = (await reloaded) as unknown[];
  expect(details).toMatchObject({ reason: 'recycle' });
  expect(plugin.context?.vm).not.toBe(old?.vm);
  expect(plugin.streams).toBe(1);
  expect(log.texts('info')).not.toContain('root deleted');
  old?.onTick();
  expect(await paused).toBe(200);
  await eventually(() => log.texts('info').includes('root deleted'), 'the old VM has been told');
  const active = host.metrics.read().find(({ name }) => name === 'wasm.active');
  expect(active?.value).toBe(1);
});

it('once the memory has grown so far', async () => {
  const { send, plugins } = await serve([GROW], { recycle: { memoryBytes: 6 * 65_536 } });
  const [plugin] = plugins;
  const reloaded = once(plugin, 'reloaded');
  const sizes = [];
  for (let request = 0; request < 4; request += 1) {
    sizes.push(plugin.context!.vm.memory.sizeBytes / 65_536);
    await send();
    if (request === 1) await reloaded;
  }
  expect(sizes).toEqual([4, 5, 4, 5]);
});

it('a memory that is too large from the start is no reason, and the log says so', async () => {
  const { send, plugins, log } = await serve([GROW], { recycle: { memoryBytes: 65_536 } });
  const old = plugins[0].context;
  for (let request = 0; request < 3; request += 1) await send();
  expect(plugins[0].context).toBe(old);
  expect(log.texts('warn')).toEqual([
    'the memory has reached recycle.memoryBytes with its start: it will not be a reason',
  ]);
});

it('plugins that share a VM go on sharing the next one', async () => {
  const options = { vm: { id: 'v' }, recycle: { requests: 2 } };
  const { send, plugins } = await serve(
    [],
    { ...options, rootId: 'a' },
    { ...options, rootId: 'b' },
  );
  const [first, second] = plugins as [Plugin, Plugin];
  const old = first.context?.vm;
  expect(second.context?.vm).toBe(old);
  // Each request is one on each of them.
  const both = Promise.all([once(first, 'reloaded'), once(second, 'reloaded')]);
  await send();
  await both;
  expect(first.context?.vm).not.toBe(old);
  expect(second.context?.vm).toBe(first.context?.vm);
});

it('a VM whose successor can’t start goes on', async () => {
  const log = recordLog();
  let starts = 0;
  const host = createHost({
    logger: log.logger,
    hostFunctions: { may_start: () => ((starts += 1) === 1 ? 1 : 0) },
  });
  cleanups.push(() => host.close());
  const code = await filter({
    imports: '(import "env" "may_start" (func $may (result i32)))',
    body: `(func (export "proxy_on_configure") (param i32 i32) (result i32) (call $may))
      (func (export "proxy_on_context_create") (param i32 i32))`,
  });
  const plugin = await host.createPlugin({ code, name: 'p', recycle: { requests: 1 } });
  const { port, close } = await listen(serverOf(wasmFilter(plugin), (_, res) => res.end('ok')));
  cleanups.push(close);
  for (let request = 0; request < 3; request += 1) {
    expect((await fetch(`http://127.0.0.1:${String(port)}/`)).status).toBe(200);
  }
  await eventually(() => log.texts('warn').length > 0, 'it was tried');
  expect(starts).toBe(2);
  expect(plugin.state).toBe('running');
  expect(log.texts('warn')[0]).toContain('plugin "p" keeps its VM, since another could not');
});
