import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host, type HostOptions } from '../../src/index.js';
import type { Plugin } from '../../src/plugin.js';
import { callingPlugin, httpServer, tcpServer } from '../support/calling-plugin.js';
import { grpcServer } from '../support/grpc-server.js';
import { TestClock } from '../support/test-clock.js';

const hosts: Host[] = [];
afterEach(() => Promise.all(hosts.splice(0).map((host) => host.close())));

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/** Whether all of them have gone, given many turns of the event loop. */
async function areGone(refs: readonly WeakRef<object>[]): Promise<boolean> {
  for (let turn = 0; turn < 200; turn += 1) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collectGarbage();
    if (refs.every((ref) => ref.deref() === undefined)) return true;
  }
  return false;
}

/** A filter that has a timer, a queue, metrics and an asynchronous call. */
const busy = guest({
  callbacks: {
    proxy_on_configure: [
      { setTickPeriod: 100 },
      { registerQueue: [0, 'q'] },
      { enqueue: [0, 'message'] },
      { defineMetric: [1, 0, 'counter'] },
      { incrementMetric: [1, 1] },
      { setSharedData: ['key', 'value', 0] },
      { callForeign: ['later', ''] },
      { callForeign: ['expr_create', 'request.path == "/"'] },
    ],
    proxy_on_tick: [{ trap: true }],
    proxy_on_queue_ready: [{ logDequeued: 'event' }],
    proxy_on_foreign_function: [],
  },
});

function newHost() {
  const clock = new TestClock();
  const logger = { level: 'silent', info: () => undefined };
  const later = () => Promise.resolve('answer');
  const host = createHost({ clock, logger, foreignFunctions: { later } });
  hosts.push(host);
  return { host, clock };
}

const refsOf = ({ context }: Plugin): WeakRef<object>[] =>
  context === undefined ? [] : [new WeakRef(context), new WeakRef(context.vm)];

it('plugins that close leave nothing on the host', async () => {
  const { host, clock } = newHost();
  const code = await busy;
  const refs: WeakRef<object>[] = [];
  for (let index = 0; index < 20; index += 1) {
    const plugin = await host.createPlugin({ code, name: 'p', vm: { id: String(index) } });
    refs.push(...refsOf(plugin));
    await plugin.close();
  }
  expect(clock.waiting).toBe(0);
  expect(await areGone(refs)).toBe(true);
  expect(host.sharedData.entries({ vmId: '0' })).toEqual([]);
});

it('VMs that fail leave nothing on the host, nor on their plugin', async () => {
  const { host, clock } = newHost();
  const plugin = await host.createPlugin({ code: await busy });
  const refs: WeakRef<object>[] = [];
  for (let index = 0; index < 20; index += 1) {
    refs.push(...refsOf(plugin));
    clock.advance(100);
    expect(plugin.state).toBe('failed');
    await plugin.reload();
  }
  expect(clock.waiting).toBe(1);
  expect(refs).toHaveLength(40);
  expect(await areGone(refs)).toBe(true);
});

it('calls that fail, in whatever way, leave nothing behind', async () => {
  const silent = await tcpServer((socket) => void socket.resume());
  const halfway = await tcpServer((socket) => {
    socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nhalf'));
  });
  const large = await httpServer((_req, res) => res.end('x'.repeat(100)));
  const { url: grpc } = await grpcServer();
  const upstreams: HostOptions['upstreams'] = {
    ...{ silent, halfway, grpc, large: { url: large, maxResponseBytes: 10 } },
    slowTls: { url: silent.replace('http:', 'https:'), connectTimeoutMs: 20 },
    ...{ refused: 'http://127.0.0.1:1', nobody: 'http://nobody.invalid' },
    throws: () => {
      throw new Error('no');
    },
  };
  const calls = ['halfway', 'large', 'slowTls', 'refused', 'nobody', 'throws', 'unknown'].map(
    (upstream): Operation => ({ httpCall: { upstream } }),
  );
  const { host, plugin, texts } = await callingPlugin(
    [
      ...calls,
      { httpCall: { upstream: 'silent', timeoutMs: 20 } },
      // These two are cancelled when the plugin closes.
      { httpCall: { upstream: 'silent' } },
      { grpcCall: { upstream: 'grpc', message: 'wait' } },
      { grpcCall: { upstream: 'grpc', message: 'status 13 no' } },
      { grpcCall: { upstream: 'refused' } },
      { grpcCall: { upstream: 'silent', timeoutMs: 20 } },
      { grpcStream: { upstream: 'refused' } },
    ],
    {
      host: { upstreams },
      callbacks: {
        proxy_on_http_call_response: [{ log: 'told' }],
        proxy_on_grpc_close: [{ log: 'told' }],
      },
    },
  );
  await expect.poll(() => texts('info'), { timeout: 10_000 }).toHaveLength(7 + 4);
  // One line says what happened to each: refused, timed out, no name, no upstream, ….
  expect(texts('warn')).toHaveLength(8 + 4);
  const refs = refsOf(plugin);
  await plugin.close();
  const results = host.metrics.read().filter(({ name }) => name === 'wasm.upstream_calls');
  expect(results).toEqual([]);
  await host.close();
  expect(await areGone(refs)).toBe(true);
});

it('reloads leave nothing of what was before', async () => {
  const { host, clock } = newHost();
  const plugin = await host.createPlugin({ code: await busy });
  const refs: WeakRef<object>[] = [];
  for (let index = 0; index < 20; index += 1) {
    refs.push(...refsOf(plugin));
    await plugin.reload();
  }
  expect(await areGone(refs)).toBe(true);
  expect(clock.waiting).toBe(1);
});
