/** `plugin.reload` under traffic, with self-tests and from a watched file. */
import { once } from 'node:events';
import { mkdtemp, rename, rm, symlink, unlink, writeFile } from 'node:fs/promises';
import { Agent, createServer, get, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

import { afterEach, describe, expect, it, vi } from 'vitest';

import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type PluginOptions } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import type { Plugin } from '../../src/plugin.js';
import { eventually, listen, serverOf } from '../support/filter-server.js';
import { recordLog } from '../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** Says its version in a header; refuses the configuration `bad`; pauses for `x-pause`. */
const version = (name: string) =>
  guest({
    callbacks: {
      proxy_on_configure: [
        { wat: '(if (i32.eq (local.get $size) (i32.const 3)) (then (return (i32.const 0))))' },
      ],
      proxy_on_request_headers: [
        { wat: '(if (i32.eq (local.get $size) (i32.const 5)) (then (return (i32.const 0))))' },
      ],
      proxy_on_response_headers: [{ add: [2, 'x-version', name] }],
      proxy_on_done: [{ inContext: [1, [{ log: `${name} done` }]] }],
      proxy_on_delete: [{ inContext: [1, [{ log: `${name} deleted` }]] }],
    },
  });

/** Answers whatever it is asked. */
const refusing = guest({
  callbacks: { proxy_on_request_headers: [{ localResponse: { status: 403, body: 'no' } }] },
});
const trapping = guest({ callbacks: { proxy_on_request_headers: [{ trap: true }] } });

interface Serving {
  plugin: Plugin;
  port: number;
  server: Server;
  log: ReturnType<typeof recordLog>;
  host: ReturnType<typeof createHost>;
  /** The app answers what has come for `/held`. */
  answerHeld(): void;
  version(): Promise<string>;
}

async function serve(options: PluginOptions): Promise<Serving> {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  cleanups.push(() => host.close());
  const plugin = await host.createPlugin({ name: 'p', ...options });
  const held: ServerResponse[] = [];
  const server = serverOf(wasmFilter(plugin), (req, res) => {
    if (req.url === '/held') held.push(res);
    else setTimeout(() => res.end('ok'), req.url === '/slow' ? 50 : 0);
  });
  const { port, close } = await listen(server);
  cleanups.push(close);
  return {
    ...{ plugin, port, server, log, host },
    answerHeld: () => {
      for (const res of held.splice(0)) res.end('ok');
    },
    version: async () => {
      const response = await fetch(`http://127.0.0.1:${String(port)}/`);
      await response.arrayBuffer();
      return response.headers.get('x-version') ?? String(response.status);
    },
  };
}

setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

const refOf = (plugin: Plugin): WeakRef<object> => new WeakRef(plugin.context!.vm);

describe('reload', () => {
  it('100 times under load drops no request and leaves no VM', async () => {
    const [one, two] = [await version('one'), await version('two')];
    const { plugin, port, host } = await serve({ code: one });
    const agent = new Agent({ keepAlive: true, maxSockets: 8 });
    cleanups.push(() => {
      agent.destroy();
    });
    let isLoading = true;
    const answers = { one: 0, two: 0, failed: [] as string[] };
    const request = (path: string) =>
      new Promise<void>((resolve) => {
        const failed = (what: string): void => {
          answers.failed.push(what);
          resolve();
        };
        get({ port, path, agent, host: '127.0.0.1' }, (res) => {
          const found = String(res.headers['x-version']) as 'one' | 'two';
          let body = '';
          res.on('data', (chunk: Buffer) => (body += chunk.toString()));
          res.on('error', (error) => {
            failed(error.message);
          });
          res.on('end', () => {
            if (res.statusCode !== 200 || body !== 'ok')
              failed(`${String(res.statusCode)} ${body}`);
            else answers[found] += 1;
            resolve();
          });
        }).on('error', (error) => {
          failed(error.message);
        });
      });
    const clients = Array.from({ length: 8 }, async (_, index) => {
      while (isLoading) await request(index === 0 ? '/slow' : '/');
    });
    const refs: WeakRef<object>[] = [];
    for (let round = 0; round < 100; round += 1) {
      refs.push(refOf(plugin));
      await plugin.reload({ code: round % 2 === 0 ? two : one });
      const { one: first, two: second } = answers;
      await eventually(() => answers.one + answers.two > first + second, 'requests go on');
    }
    isLoading = false;
    await Promise.all(clients);
    expect(answers.failed).toEqual([]);
    expect(answers.one).toBeGreaterThan(10);
    expect(answers.two).toBeGreaterThan(10);
    const active = () => host.metrics.read().find(({ name }) => name === 'wasm.active')?.value;
    await eventually(() => active() === 1, 'one VM is left');
    await eventually(
      () => {
        collectGarbage();
        return refs.every((ref) => ref.deref() === undefined);
      },
      'the VMs before are gone',
      10_000,
    );
  });

  it('lets open streams finish on the old VM, which is then told, and counts them', async () => {
    const {
      plugin,
      port,
      log,
      answerHeld,
      version: current,
    } = await serve({
      code: await version('one'),
    });
    const held = fetch(`http://127.0.0.1:${String(port)}/held`);
    await eventually(() => plugin.streams === 1, 'the request is there');
    const reloaded = once(plugin, 'reloaded');
    await plugin.reload({ code: await version('two') });
    const [details] = (await reloaded) as { reason: string; sha256: string }[];
    expect(details).toEqual({ reason: 'reload', sha256: expect.stringMatching(/^[0-9a-f]{64}$/) });
    expect(plugin.streams).toBe(1);
    expect(await current()).toBe('two');
    expect(log.texts('info')).toEqual([]);
    answerHeld();
    expect((await held).headers.get('x-version')).toBe('one');
    await eventually(() => log.texts('info').length === 2, 'the old VM is told');
    expect(log.texts('info')).toEqual(['one done', 'one deleted']);
  });

  it('close waits for VMs from before', async () => {
    const { plugin, port, log, answerHeld } = await serve({ code: await version('one') });
    const held = fetch(`http://127.0.0.1:${String(port)}/held`);
    await eventually(() => plugin.streams === 1, 'the request is there');
    await plugin.reload({ code: await version('two') });
    let isClosed = false;
    const closed = plugin.close().then(() => (isClosed = true));
    await eventually(() => log.texts('info').includes('two deleted'), 'the new VM is told');
    expect(isClosed).toBe(false);
    answerHeld();
    await closed;
    expect(log.texts('info').sort()).toEqual([
      'one deleted',
      'one done',
      'two deleted',
      'two done',
    ]);
    expect((await held).status).toBe(200);
  });

  it('that fails keeps what runs and says why; the next one works', async () => {
    const { plugin, version: current, host } = await serve({ code: await version('one') });
    const before = plugin.context;
    const reasons: [object, string][] = [
      [{ configuration: 'bad' }, 'PW_ERR_CONFIGURE_REFUSED'],
      [{ code: '/no/such/file.wasm' }, 'PW_ERR_CODE_NOT_FOUND'],
      [{ code: new Uint8Array(8) }, 'PW_ERR_MODULE_NOT_WASM'],
      [
        { code: await trapping, selfTest: (f: { request(): unknown }) => f.request() },
        'PW_ERR_CALLBACK_TRAPPED',
      ],
    ];
    for (const [change, code] of reasons) {
      await expect(plugin.reload(change)).rejects.toMatchObject({ code, pluginName: 'p' });
      expect([plugin.state, plugin.context]).toEqual(['running', before]);
    }
    expect(host.health().ready).toBe(true);
    await plugin.reload({ code: await version('two') });
    expect(await current()).toBe('two');
  });

  it('several at once take effect in their order, whatever becomes of each', async () => {
    const { plugin, version: current } = await serve({ code: await version('one') });
    const results = await Promise.allSettled([
      plugin.reload({ code: await version('two') }),
      plugin.reload({ code: '/no/such/file.wasm' }),
      plugin.reload({ code: await version('three') }),
      plugin.reload({ configuration: 'x' }),
    ]);
    expect(results.map(({ status }) => status)).toEqual([
      'fulfilled',
      'rejected',
      'fulfilled',
      'fulfilled',
    ]);
    expect(await current()).toBe('three');
    expect(Buffer.from(plugin.context!.settings.configuration).toString()).toBe('x');
  });

  it('makes a plugin that has failed run again', async () => {
    const { plugin, version: current } = await serve({
      code: await trapping,
      failurePolicy: 'fail-closed',
    });
    expect(await current()).toBe('503');
    const recovered = once(plugin, 'recovered');
    await plugin.reload({ code: await version('two') });
    const [details] = (await recovered) as unknown[];
    expect(details).toMatchObject({ by: 'reload', failedAttempts: 0 });
    expect([plugin.state, plugin.failure]).toEqual(['running', undefined]);
    expect(await current()).toBe('two');
  });

  it('of one plugin on a shared VM leaves the other where it is', async () => {
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    cleanups.push(() => host.close());
    const options = { code: await version('one'), vm: { id: 'v' } };
    const first = await host.createPlugin({ ...options, rootId: 'a' });
    const second = await host.createPlugin({ ...options, rootId: 'b' });
    const { vm } = second.context!;
    await first.reload({ code: await version('two') });
    expect(first.context!.vm).not.toBe(vm);
    expect(second.context!.vm).toBe(vm);
    await eventually(() => vm.contexts.size === 1, 'the first has left it');
    await second.reload({ code: await version('two') });
    expect(second.context!.vm).toBe(first.context!.vm);
  });

  it('works for plugins that wasmFilter has made', async () => {
    const filter = wasmFilter({ code: await version('one'), logger: recordLog().logger });
    expect(filter.plugins).toEqual([]);
    await filter.ready();
    const [plugin] = filter.plugins as [Plugin];
    const { port, close } = await listen(
      createServer((req, res) => {
        filter(req, res, () => res.end());
      }),
    );
    cleanups.push(close);
    const current = async () =>
      (await fetch(`http://127.0.0.1:${String(port)}/`)).headers.get('x-version');
    expect(await current()).toBe('one');
    await plugin.reload({ code: await version('two') });
    expect(await current()).toBe('two');
    await filter.close();
    expect(plugin.state).toBe('closed');
  });
});

describe('selfTest', () => {
  it('sees what the filter does with a request, and lets it go live', async () => {
    const seen: unknown[] = [];
    const { plugin } = await serve({
      code: await version('one'),
      selfTest: async (filter) => {
        const result = await filter.request({
          method: 'POST',
          path: '/a?b',
          headers: { 'X-User': 'ann' },
          body: 'question',
          response: { status: 201, headers: { 'x-app': 'yes' }, body: 'answer' },
        });
        seen.push(result.status, result.headers, result.body.toString());
        seen.push(result.request?.headers, result.request?.body.toString());
      },
    });
    expect(seen).toEqual([
      201,
      { ':status': '201', 'x-app': 'yes', 'x-version': 'one' },
      'answer',
      {
        ':authority': 'self-test',
        ':path': '/a?b',
        ':method': 'POST',
        ':scheme': 'http',
        'content-length': '8',
        'x-user': 'ann',
      },
      'question',
    ]);
    expect(plugin.streams).toBe(0);
  });

  it('refuses a version that does not do what it should: nothing goes live', async () => {
    const options = {
      code: await version('one'),
      selfTest: async (filter: { request(): Promise<{ status: number; request: unknown }> }) => {
        const { status, request } = await filter.request();
        if (status !== 200) throw new Error(`expected 200, got ${String(status)}`);
        expect(request).toBeDefined();
      },
    };
    const { plugin, version: current, log } = await serve(options);
    await expect(plugin.reload({ code: await refusing })).rejects.toMatchObject({
      code: 'PW_ERR_SELF_TEST',
      message: 'plugin "p": the self-test refused the new VM: expected 200, got 403',
      cause: { message: 'expected 200, got 403' },
    });
    expect(await current()).toBe('one');
    await expect(
      createHost({ logger: log.logger }).createPlugin({ ...options, code: await refusing }),
    ).rejects.toMatchObject({ code: 'PW_ERR_SELF_TEST' });
  });

  it('of a version that traps is told of the trap, and what runs does not notice', async () => {
    const { plugin, log } = await serve({ code: await version('one') });
    const failed: unknown[] = [];
    plugin.on('failed', (error) => failed.push(error));
    const selfTest = async (filter: { request(): Promise<unknown> }) =>
      void (await filter.request());
    await expect(plugin.reload({ code: await trapping, selfTest })).rejects.toMatchObject({
      code: 'PW_ERR_CALLBACK_TRAPPED',
      callback: 'proxy_on_request_headers',
    });
    expect([failed, log.texts('error')]).toEqual([[], []]);
    expect(plugin.state).toBe('running');
  });

  it('that takes too long is given up, and its exchanges with it', async () => {
    const pausing = await guest({ callbacks: { proxy_on_request_headers: [{ return: 1 }] } });
    const { plugin, host } = await serve({
      code: await version('one'),
      limits: { startTimeMs: 1000 },
    });
    let outcome: unknown;
    const selfTest = async (filter: { request(): Promise<unknown> }) => {
      await filter.request().catch((error: unknown) => (outcome = error));
    };
    await expect(plugin.reload({ code: pausing, selfTest })).rejects.toMatchObject({
      code: 'PW_ERR_START_TIMEOUT',
    });
    await eventually(() => outcome !== undefined, 'the request has ended');
    const active = () => host.metrics.read().find(({ name }) => name === 'wasm.active')?.value;
    await eventually(() => active() === 1, 'the VM that was tried is gone');
    expect(plugin.state).toBe('running');
  });
});

describe('watch', () => {
  async function watching(name = 'one') {
    const directory = await mkdtemp(join(tmpdir(), 'watch-'));
    cleanups.push(() => rm(directory, { recursive: true }));
    const path = join(directory, 'filter.wasm');
    await writeFile(path, await version(name));
    return { directory, path };
  }

  it('reloads when the file changes: in place, by rename, by a link that moves', async () => {
    const { directory, path } = await watching();
    const link = join(directory, 'link.wasm');
    await symlink(path, link);
    const { plugin, version: current } = await serve({ code: link, watch: true });
    expect(await current()).toBe('one');

    let reloaded = once(plugin, 'reloaded');
    await writeFile(path, await version('two'));
    expect(((await reloaded) as unknown[])[0]).toMatchObject({ reason: 'watch' });
    expect(await current()).toBe('two');

    reloaded = once(plugin, 'reloaded');
    await writeFile(`${path}~`, await version('three'));
    await rename(`${path}~`, path);
    await reloaded;
    expect(await current()).toBe('three');

    reloaded = once(plugin, 'reloaded');
    await writeFile(join(directory, 'other.wasm'), await version('four'));
    await unlink(link);
    await symlink(join(directory, 'other.wasm'), link);
    await reloaded;
    expect(await current()).toBe('four');
    await plugin.close();
  });

  it('waits for a file that is written in pieces, and keeps what runs where it is no module', async () => {
    const { path } = await watching();
    const { plugin, version: current, log } = await serve({ code: path, watch: true });
    const reloads: unknown[] = [];
    plugin.on('reloaded', (event) => reloads.push(event));
    const bytes = await version('two');
    // The file is looked at as ever; the time for which it has to stay the same is the test's.
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    cleanups.push(() => vi.useRealTimers());
    const settling = vi.spyOn(globalThis, 'setTimeout');
    const pieces = 4;
    for (let piece = 1; piece <= pieces; piece += 1) {
      await writeFile(path, bytes.subarray(0, Math.ceil((bytes.length * piece) / pieces)));
      while (settling.mock.calls.length < piece) await turn();
      vi.advanceTimersByTime(499);
    }
    expect(vi.getTimerCount()).toBe(1);
    const reloaded = once(plugin, 'reloaded');
    vi.advanceTimersByTime(1);
    vi.useRealTimers();
    await reloaded;
    expect(reloads).toHaveLength(1);
    expect(await current()).toBe('two');
    expect(log.texts('error')).toEqual([]);

    await writeFile(path, 'no module');
    await eventually(() => log.texts('error').length > 0, 'it is told');
    expect(log.texts('error')[0]).toContain('its file has changed and is not used: ');
    expect(await current()).toBe('two');
    await plugin.close();
  });

  it('needs a file, and no digest', async () => {
    const host = createHost({ logger: recordLog().logger });
    cleanups.push(() => host.close());
    const code = await version('one');
    await expect(host.createPlugin({ code, watch: true })).rejects.toMatchObject({
      code: 'PW_ERR_OPTIONS_INVALID',
    });
    await expect(
      host.createPlugin({ code: 'a.wasm', watch: true, sha256: '0'.repeat(64) }),
    ).rejects.toMatchObject({ code: 'PW_ERR_OPTIONS_INVALID' });
  });
});
