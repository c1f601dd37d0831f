/** A Rust filter whose requests wait for a function of the app's, in an Express app. */
import { request } from 'node:http';

import { afterEach, expect, it } from 'vitest';
import { createHost, type ForeignFunction } from '@proxy-wasm-node/core';
import { wasmFilter } from '@proxy-wasm-node/express';

import { express5 } from '../src/targets/express.js';

const code = new URL('../filters/foreign-caller/foreign-caller.wasm', import.meta.url);

const closing: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The answers that the test has not given yet, by token. */
class Directory {
  readonly waiting = new Map<string, (answer: string | Error) => void>();

  readonly user: ForeignFunction = (argument) =>
    new Promise((resolve, reject) => {
      this.waiting.set(Buffer.from(argument).toString(), (answer) => {
        if (answer instanceof Error) reject(answer);
        else resolve(answer);
      });
    });

  async tell(token: string, answer: string | Error): Promise<void> {
    await expect.poll(() => this.waiting.has(token)).toBe(true);
    this.waiting.get(token)?.(answer);
    this.waiting.delete(token);
  }
}

async function start() {
  const lines: string[] = [];
  const log = (_: object, line: string): void => void lines.push(line);
  const directory = new Directory();
  const host = createHost({
    logger: { level: 'info', info: log, warn: log, error: log },
    foreignFunctions: { user: directory.user },
  });
  closing.push(() => host.close());
  return { host, lines, directory };
}

/** An app behind the filter, which tells who it was told of. */
async function serve() {
  const started = await start();
  const plugin = await started.host.createPlugin({ code, name: 'caller' });
  const filter = wasmFilter(plugin) as (...values: unknown[]) => void;
  const running = await express5.start([(req, res, next) => filter(req, res, next)], (req, res) => {
    const { authorization, 'x-user': user } = req.headers;
    res.end(JSON.stringify({ authorization, user }));
  });
  closing.push(() => running.close());
  const url = `http://127.0.0.1:${String(running.port)}/`;
  const get = async (authorization?: string): Promise<string> => {
    const headers = authorization === undefined ? {} : { authorization };
    const response = await fetch(url, { headers });
    return `${String(response.status)} ${await response.text()}`;
  };
  return { ...started, plugin, url, get };
}

it('a request goes on with the answer; one that asks nothing passes at once', async () => {
  const { get, directory } = await serve();
  expect(await get()).toBe('200 {}');
  const answer = get('of ann');
  await directory.tell('of ann', 'ann');
  expect(await answer).toBe('200 {"user":"ann"}');
});

it('each of many that wait at once gets its own, in whatever order they are given', async () => {
  const { get, directory, plugin } = await serve();
  const names = Array.from({ length: 50 }, (_, index) => `user${String(index)}`);
  const answers = names.map((name) => get(`of ${name}`));
  for (const name of names.toReversed()) await directory.tell(`of ${name}`, name);
  expect(await Promise.all(answers)).toEqual(names.map((user) => `200 {"user":"${user}"}`));
  await expect.poll(() => plugin.streams).toBe(0);
});

it('the plugin that asks by itself is told by itself, while a request waits', async () => {
  const { get, directory, lines } = await serve();
  const answer = get('of ann');
  await directory.tell('plugin', 'root');
  await expect.poll(() => lines).toEqual(['wasm log: the plugin is root']);
  await directory.tell('of ann', 'ann');
  expect(await answer).toBe('200 {"user":"ann"}');
});

it('an empty answer and an error are the filter’s to answer', async () => {
  const { get, directory, lines, plugin } = await serve();
  const [nobody, broken] = [get('of nobody'), get('of ann')];
  await directory.tell('of nobody', '');
  await directory.tell('of ann', new Error('no database'));
  expect(await nobody).toBe('401 nobody\n');
  expect(await broken).toBe('503 ');
  expect(lines).toEqual([
    'wasm log caller: foreign function user failed: no database; the guest gets size 0',
    'wasm log caller: no answer: 10 no database',
  ]);
  expect(plugin.state).toBe('running');
});

it('nobody is told where the client has gone', async () => {
  const { get, directory, lines, url, plugin } = await serve();
  const gone = request(url, { headers: { authorization: 'of bob' } }).on('error', () => undefined);
  gone.end();
  await expect.poll(() => directory.waiting.has('of bob')).toBe(true);
  gone.destroy();
  await expect.poll(() => plugin.streams).toBe(0);
  await directory.tell('of bob', 'bob');
  const answer = get('of ann');
  await directory.tell('of ann', 'ann');
  expect(await answer).toBe('200 {"user":"ann"}');
  expect([plugin.state, lines]).toEqual(['running', []]);
});

it('a service asks the main thread, and is told on its own', async () => {
  const { host, directory, lines } = await start();
  const service = await host.createService({ code, name: 'caller' });
  await directory.tell('plugin', 'root');
  await expect.poll(() => lines).toEqual(['wasm log: the plugin is root']);
  expect(service.state).toBe('running');
});
