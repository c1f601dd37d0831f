/**
 * Each callback that is not called for a plain request (those are in `time.test.ts`), in a guest that
 * never comes back from it, goes deeper without end, or traps: that VM has failed, the error says in
 * which callback, and the process goes on.
 */
import { once } from 'node:events';

import { describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import {
  guest,
  type CallbackName,
  type GuestScript,
} from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type HostOptions, type ProxyWasmError } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { tcpFilter } from '../../src/tcp/index.js';
import { atTestEnd } from '../support/calling-plugin.js';
import { listen, RawClient, serverOf } from '../support/filter-server.js';
import { grpcServer } from '../support/grpc-server.js';
import { recordLog } from '../support/record-log.js';
import { serveTcp, TcpClient } from '../support/tcp-server.js';

const ENDS: [what: string, operation: Operation, code: string][] = [
  ['an endless loop', { loopForever: true }, 'PW_ERR_CALLBACK_TIME'],
  [
    'recursion without end',
    { wat: '(drop (call $deeper (i32.const 1)))' },
    'PW_ERR_CALLBACK_TRAPPED',
  ],
  ['a trap', { trap: true }, 'PW_ERR_CALLBACK_TRAPPED'],
];

/** Not the last thing that it does, so that it takes stack. */
const DEEPER = `(func $deeper (param i32) (result i32)
  (i32.add (call $deeper (local.get 0)) (local.get 0)))`;

type Plugin = Awaited<ReturnType<typeof open>>['plugin'];

async function open(callbacks: GuestScript['callbacks'], options: HostOptions = {}) {
  const host = createHost({ ...options, logger: recordLog().logger });
  atTestEnd(() => host.close());
  const plugin = await host.createPlugin({
    code: await guest({ callbacks, extra: DEEPER }),
    name: 'p',
    failurePolicy: 'fail-closed',
    // Recursion may take its time on a slow machine, and is no loop.
    limits: { callbackTimeMs: callbacks.proxy_on_vm_start === undefined ? 60 : 10_000 },
  });
  return { host, plugin };
}

interface Case {
  callback: CallbackName;
  /** What the plugin does in `proxy_on_configure`, so that it is called. */
  configure?: readonly Operation[];
  host?: () => Promise<HostOptions>;
  /** What comes from outside. */
  then?: (plugin: Plugin) => Promise<void>;
}

const grpc = async (): Promise<HostOptions> => ({ upstreams: { up: (await grpcServer()).url } });

/** A request and a response with trailers. */
async function exchangeTrailers(plugin: Plugin): Promise<void> {
  const { port, close } = await listen(
    serverOf(wasmFilter(plugin), (req, res) => {
      req.resume().on('error', () => undefined);
      res.writeHead(200, { trailer: 'x-end' });
      res.write('body');
      res.addTrailers({ 'x-end': 'yes' });
      res.end();
    }),
  );
  atTestEnd(close);
  const client = new RawClient(port);
  client.send(
    'POST / HTTP/1.1\nhost: a\nte: trailers\nconnection: close\ntransfer-encoding: chunked',
    '4\r\nbody\r\n0\r\nx-end: yes\r\n\r\n',
  );
  await client.closed;
}

/** A connection that says something, is answered, and is closed. */
async function exchangeBytes(plugin: Plugin): Promise<void> {
  const app = await serveTcp(tcpFilter(plugin), (socket) => {
    socket.on('error', () => undefined).once('data', () => socket.end('up'));
  });
  const client = new TcpClient(app.port);
  client.write('down');
  client.end();
  await client.closed;
}

const CASES: Case[] = [
  { callback: 'proxy_on_request_trailers', then: exchangeTrailers },
  { callback: 'proxy_on_response_trailers', then: exchangeTrailers },
  { callback: 'proxy_on_tick', configure: [{ setTickPeriod: 1 }] },
  {
    callback: 'proxy_on_queue_ready',
    configure: [{ registerQueue: [0, 'q'] }, { enqueue: [0, 'message'] }],
  },
  {
    callback: 'proxy_on_foreign_function',
    configure: [{ callForeign: ['later', ''] }],
    host: () => Promise.resolve({ foreignFunctions: { later: () => Promise.resolve('x') } }),
  },
  {
    callback: 'proxy_on_http_call_response',
    configure: [{ httpCall: { upstream: 'up' } }],
    host: () => Promise.resolve({ upstreams: { up: () => new Response('answer') } }),
  },
  {
    callback: 'proxy_on_grpc_receive',
    configure: [{ grpcCall: { upstream: 'up', message: 'm' } }],
    host: grpc,
  },
  ...(
    [
      'proxy_on_grpc_receive_initial_metadata',
      'proxy_on_grpc_receive_trailing_metadata',
      'proxy_on_grpc_close',
    ] as const
  ).map((callback) => ({
    callback,
    configure: [
      { grpcStream: { upstream: 'up' } },
      { grpcSend: ['last', 'm', true] },
    ] as readonly Operation[],
    host: grpc,
  })),
  ...(
    [
      'proxy_on_new_connection',
      'proxy_on_downstream_data',
      'proxy_on_upstream_data',
      'proxy_on_downstream_connection_close',
      'proxy_on_upstream_connection_close',
    ] as const
  ).map((callback) => ({ callback, then: exchangeBytes })),
];

describe.each(CASES)('$callback', ({ callback, configure = [], host: optionsOf, then }) => {
  it.each(ENDS)('with %s ends its VM, and nothing else', async (what, operation, code) => {
    const isLoop = code === 'PW_ERR_CALLBACK_TIME';
    const { host, plugin } = await open(
      {
        proxy_on_configure: configure,
        [callback]: [operation],
        ...(isLoop ? {} : { proxy_on_vm_start: [] }),
      },
      await optionsOf?.(),
    );
    const failed = plugin.state === 'failed' ? undefined : once(plugin, 'failed');
    await then?.(plugin);
    const error = failed === undefined ? plugin.failure : ((await failed)[0] as ProxyWasmError);
    expect(error).toMatchObject({ code, callback, pluginName: 'p' });
    expect(error?.guestStack.length, what).toBeGreaterThan(0);
    // The host makes others as before.
    const { plugin: other } = await open({ proxy_on_request_headers: [] });
    expect(other.state).toBe('running');
    expect(host.health().plugins[0]).toMatchObject({ state: 'failed', streams: 0 });
  });
});
