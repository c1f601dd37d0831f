/** A Koa app with filters of generated guests, served on a real port, and what came of it. */
import Koa from 'koa';
import Koa2 from 'koa2';
import { createHost, type PluginOptions } from '@proxy-wasm-node/core';

import { Client } from '../../../conformance/src/client.js';
import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';
import { listen } from '../../../conformance/src/targets/listen.js';
import { wasmFilter, type KoaWasmFilter, type WasmFilterOptions } from '../../src/index.js';

/** Both majors, for `describe.each`. */
export const KOAS: readonly [string, typeof Koa][] = [
  ['koa 3', Koa],
  ['koa 2', Koa2],
];

export type Callbacks = GuestScript['callbacks'];

/** What ends with a test. */
const running: (() => Promise<void>)[] = [];
const host = createHost({ logger: { info: log, warn: log, error: log } });
/** What guests have logged, without the prefix; and the host's errors. */
export const logs: string[] = [];

function log(_fields: object, message: string): void {
  logs.push(message.replace(/^wasm log[^:]*: /, ''));
}

/** Closes what the test started. */
export async function stopAll(): Promise<void> {
  for (const stop of running.splice(0).reverse()) await stop();
  logs.length = 0;
}

/** A filter of one guest, ready. */
export async function filterOf(
  callbacks: Callbacks,
  options: Omit<PluginOptions, 'code'> & WasmFilterOptions = {},
): Promise<KoaWasmFilter> {
  const code = await guest({ callbacks });
  const { allowConsumedBody = false, ...plugin } = options;
  const filter = wasmFilter({ name: 'guest', ...plugin, code }, { host, allowConsumedBody });
  running.push(() => filter.close());
  await filter.ready();
  return filter;
}

/** Serves the app; its errors are counted, not printed. */
export async function serve(app: Koa): Promise<{ client: Client; port: number; errors: Error[] }> {
  const errors: Error[] = [];
  app.on('error', (error: Error) => errors.push(error));
  const handle = app.callback();
  const server = await listen((req, res) => void handle(req, res));
  const client = new Client(server.port);
  running.push(async () => {
    client.close();
    await server.close();
  });
  return { client, port: server.port, errors };
}

/** Resolves once `test` holds; the runner's time limit ends it otherwise. */
export async function until(test: () => boolean): Promise<void> {
  while (!test()) await new Promise((resolve) => setTimeout(resolve, 2));
}
