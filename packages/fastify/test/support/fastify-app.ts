/** Fastify apps with filters of generated guests, reached in the ways in which Fastify is. */
import { setTimeout as sleep } from 'node:timers/promises';

import createFastify, { type FastifyInstance } from 'fastify';
import { createHost, type PluginOptions } from '@proxy-wasm-node/core';

import type { Reply, RequestSpec } from '../../../conformance/src/behaviour.js';
import { Http2Client } from '../../../conformance/src/client-http2.js';
import { Client } from '../../../conformance/src/client.js';
import { guest, type GuestScript } from '../../../conformance/src/guests/wat-guest.js';

export type Callbacks = GuestScript['callbacks'];

/** What ends with a test. */
const running: (() => Promise<unknown>)[] = [];
export const host = createHost({ logger: { info: log, warn: log, error: log } });
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

export function atEnd(stop: () => Promise<unknown>): void {
  running.push(stop);
}

/** Options of a plugin of one guest. */
export async function plugin(
  callbacks: Callbacks,
  options: Omit<PluginOptions, 'code'> = {},
): Promise<PluginOptions> {
  return { name: 'guest', ...options, code: await guest({ callbacks }) };
}

/** Options of a registration with one guest on the test's host. */
export async function filterOf(callbacks: Callbacks, options: Omit<PluginOptions, 'code'> = {}) {
  return { plugins: [await plugin(callbacks, options)], host };
}

/** One line of the app's log. */
interface Line {
  level: number;
  msg: string;
  reqId?: string;
  res?: { statusCode: number };
  [field: string]: unknown;
}

/** An app that closes with the test. */
export function createApp(options: { http2?: boolean } = {}) {
  const lines: Line[] = [];
  const stream = { write: (line: string) => void lines.push(JSON.parse(line) as Line) };
  const settings = { logger: { level: 'info', stream }, forceCloseConnections: true } as const;
  const app =
    options.http2 === true
      ? (createFastify({ ...settings, http2: true }) as unknown as FastifyInstance)
      : (createFastify(settings) as unknown as FastifyInstance);
  atEnd(() => app.close());
  return { app, lines };
}

/** How a request gets to the app. */
export interface Way {
  readonly name: 'HTTP/1' | 'HTTP/2' | 'inject';
  createApp(): ReturnType<typeof createApp>;
  /** To one app the requests go one after the other, on one connection. */
  send(
    app: FastifyInstance,
    spec: RequestSpec,
  ): Promise<Pick<Reply, 'status' | 'headers' | 'body'>>;
}

/** Where it listens. */
export function portOf(app: FastifyInstance): number {
  const address: unknown = app.addresses()[0];
  return (address as { port: number }).port;
}

type Sender = Pick<Client, 'send' | 'close'>;
const clients = new WeakMap<FastifyInstance, Sender>();

async function clientOf(app: FastifyInstance, create: (port: number) => Sender): Promise<Sender> {
  let client = clients.get(app);
  if (client === undefined) {
    await app.listen({ port: 0, host: '127.0.0.1' });
    const port = portOf(app);
    client = create(port);
    clients.set(app, client);
    running.push(async () => client?.close());
  }
  return client;
}

async function inject(app: FastifyInstance, spec: RequestSpec) {
  const { path: url = '/', headers = {}, body } = spec;
  const payload = typeof body === 'object' ? body.join('') : body;
  const method = (spec.method ?? (body === undefined ? 'GET' : 'POST')) as 'GET';
  const all = typeof body === 'object' ? { ...headers, 'transfer-encoding': 'chunked' } : headers;
  const sent = payload === undefined ? {} : { payload: Buffer.from(payload, 'latin1') };
  const reply = await app.inject({ method, url, headers: all, ...sent });
  const { statusCode: status, headers: got, rawPayload } = reply;
  return { status, headers: got as Reply['headers'], body: rawPayload.toString('latin1') };
}

const http1: Way = {
  name: 'HTTP/1',
  createApp: () => createApp(),
  send: async (app, spec) => (await clientOf(app, (port) => new Client(port))).send(spec),
};

/** For `describe.each`. */
export const WAYS: readonly Way[] = [
  http1,
  {
    name: 'HTTP/2',
    createApp: () => createApp({ http2: true }),
    send: async (app, spec) => (await clientOf(app, (port) => new Http2Client(port))).send(spec),
  },
  { name: 'inject', createApp: () => createApp(), send: inject },
];

/** Over HTTP/1. */
export const { send } = http1;

/** Resolves once `test` holds; the runner's time limit ends it otherwise. */
export async function until(test: () => boolean): Promise<void> {
  while (!test()) await sleep(2);
}
