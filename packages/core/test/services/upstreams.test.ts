/** Which names lead where, and upstreams that are JavaScript. */
import { describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import type { UpstreamFunction } from '../../src/index.js';
import { guestIsRunning } from '../../src/vm/deferred.js';
import {
  callingPlugin,
  httpServer,
  readPairs,
  type CallingOptions,
} from '../support/calling-plugin.js';

type Pairs = readonly (readonly [string, string])[];

const calls = (...names: string[]): Operation[] =>
  names.flatMap((upstream): Operation[] => [{ httpCall: { upstream } }, { logStatus: true }]);
const callbacks: CallingOptions['callbacks'] = {
  proxy_on_http_call_response: [{ logBuffer: [4] }],
};
const says =
  (text: string): UpstreamFunction =>
  () =>
    new Response(text);

describe('names', () => {
  it('are exact: cluster names, hosts with ports, anything', async () => {
    const names = ['outbound|80||service.ns.svc.cluster.local', 'auth:8080', 'Auth', '', 'ü'];
    const upstreams = Object.fromEntries(names.map((name) => [name, says(name)]));
    const { wait } = await callingPlugin(calls(...names), { host: { upstreams }, callbacks });
    const lines = await wait(10);
    expect(lines.slice(0, 5)).toEqual(new Array(5).fill('status 0'));
    expect(lines.slice(5).sort()).toEqual([...names].sort());
  });

  it('that nobody gave are BadArgument, and nothing is reached', async () => {
    let reached = 0;
    const url = await httpServer((_req, res) => {
      reached += 1;
      res.end();
    });
    const names = [url, new URL(url).host, '127.0.0.1', 'a ', 'A', '__proto__', 'constructor'];
    const { wait, texts } = await callingPlugin(calls(...names), {
      host: { upstreams: { a: url } },
    });
    const lines = await wait(2 * names.length);
    expect(texts('info')).toEqual(names.map(() => 'status 2'));
    expect(lines[0]).toBe(`there is no upstream "${url}" among those of plugin and host`);
    expect(reached).toBe(0);
  });

  it('are looked for in the plugin, then in the host, then by resolveUpstream', async () => {
    const asked: string[] = [];
    const { wait } = await callingPlugin(calls('a', 'b', 'c', 'd'), {
      host: {
        upstreams: { a: says('host a'), b: says('host b') },
        resolveUpstream: (name) => {
          asked.push(name);
          return name === 'c' ? says('resolved') : undefined;
        },
      },
      plugin: { upstreams: { a: says('plugin a') } },
      callbacks,
    });
    const lines = await wait(8);
    expect(lines.filter((line) => !line.startsWith('there'))).toEqual([
      ...['status 0', 'status 0', 'status 0', 'status 2'],
      ...['plugin a', 'host b', 'resolved'],
    ]);
    expect(asked).toEqual(['c', 'd']);
  });

  it('that resolveUpstream stumbles over are BadArgument, and the log says why', async () => {
    const { wait, texts } = await callingPlugin(calls('throws', 'bad', 'path'), {
      host: {
        resolveUpstream: (name) => {
          if (name === 'throws') throw new Error('no such thing');
          return name === 'bad' ? 'ftp://x' : 'http://a.test/path';
        },
      },
    });
    await wait(6);
    expect(texts('info')).toEqual(['status 2', 'status 2', 'status 2']);
    expect(texts('error')).toEqual([
      'the option resolveUpstream failed for "throws": no such thing',
      expect.stringContaining('resolveUpstream("bad") must be an http: or https: origin URL'),
      expect.stringContaining('no path or user'),
    ]);
  });

  it('that lead to the same server share its connections', async () => {
    const ports = new Set<unknown>();
    const url = await httpServer((req, res) => {
      ports.add(req.socket.remotePort);
      setTimeout(() => res.end(), 5);
    });
    const resolveUpstream = () => ({ url, connections: 1 });
    const { wait } = await callingPlugin(calls('a', 'b', 'c'), {
      host: { upstreams: { a: { url, connections: 1 } }, resolveUpstream },
      callbacks,
    });
    await wait(6);
    expect(ports.size).toBe(1);
  });
});

describe('a function as upstream', () => {
  const one = (answer: UpstreamFunction, httpCall: object = {}, more: CallingOptions = {}) =>
    callingPlugin([{ httpCall: { upstream: 'f', ...httpCall } }], {
      host: { upstreams: { f: answer } },
      ...more,
    });

  it('gets the request and answers it', async () => {
    const seen: unknown[] = [];
    const headers: Pairs = [
      [':method', 'PUT'],
      [':path', '/a/b?c=d'],
      [':authority', 'auth.test:81'],
      ['x-a', '1'],
      ['x-a', '2'],
    ];
    const answer: UpstreamFunction = async (request) => {
      const body = new Uint8Array(await request.arrayBuffer());
      seen.push(request.method, request.url, [...request.headers], [...body]);
      return new Response('answer', {
        status: 201,
        headers: [
          ['set-cookie', 'a=1'],
          ['set-cookie', 'b=2'],
          ['X-B', 'b'],
        ],
      });
    };
    const { wait } = await one(answer, { headers, body: new Uint8Array([0, 255]) });
    const [sizes, , pairs, body] = await wait(6);
    expect(seen).toEqual([
      'PUT',
      'http://auth.test:81/a/b?c=d',
      [
        ['host', 'auth.test:81'],
        ['x-a', '1, 2'],
      ],
      [0, 255],
    ]);
    expect(sizes).toBe('5 6');
    expect(readPairs(pairs)).toEqual([
      ...[':status', '201', 'content-type', 'text/plain;charset=UTF-8'],
      ...['set-cookie', 'a=1', 'set-cookie', 'b=2', 'x-b', 'b'],
    ]);
    expect(body).toBe('answer');
  });

  it('runs when the guest has returned, never inside its call', async () => {
    const running: boolean[] = [];
    const { wait } = await one(() => {
      running.push(guestIsRunning());
      return new Response();
    });
    await wait(4);
    expect(running).toEqual([false]);
  });

  it.each<[string, UpstreamFunction, RegExp]>([
    [
      'throws',
      () => {
        throw new Error('oops');
      },
      /the upstream function failed: oops/,
    ],
    ['rejects', () => Promise.reject(new Error('no')), /the upstream function failed: no/],
    ['answers nothing', (() => undefined) as never, /it answered no Response/],
    ['answers an error', () => Response.error(), /it answered no Response/],
  ])('that %s is a server that hangs up', async (_what, answer, why) => {
    const { wait, texts } = await one(answer);
    await wait(5);
    const [, , pairs, body] = texts('info');
    expect(readPairs(pairs).slice(0, 2)).toEqual([':status', '503']);
    expect(body).toContain('connection termination');
    expect(texts('warn')).toEqual([expect.stringMatching(why)]);
  });

  it('whose body breaks off gives no response', async () => {
    const body = new ReadableStream({
      pull: (controller) => {
        controller.enqueue(Buffer.from('half'));
        controller.error(new Error('broke'));
      },
    });
    const { wait, texts } = await one(() => new Response(body));
    expect((await wait(5)).slice(-1)).toEqual(['11']);
    expect(texts('warn')[0]).toMatch(/was reset: .*broke/);
  });

  it('is told when nobody waits any more: timeout, too large, closed', async () => {
    const reasons: string[] = [];
    const never: UpstreamFunction = (request) =>
      new Promise((_, reject) => {
        request.signal.addEventListener('abort', () => {
          reasons.push('aborted');
          reject(new Error('aborted'));
        });
      });
    const first = await one(never, { timeoutMs: 20 });
    await first.wait(6);
    expect(readPairs(first.texts('info')[2])).toContain('504');
    expect(reasons).toEqual(['aborted']);
    const second = await one(never);
    await second.plugin.close();
    expect(reasons).toEqual(['aborted', 'aborted']);
    let cancelled = false;
    const endless = new ReadableStream({
      pull: (controller) => controller.enqueue(new Uint8Array(1024 * 1024)),
      cancel: () => {
        cancelled = true;
      },
    });
    const third = await one(() => new Response(endless));
    expect((await third.wait(5)).slice(-2)).toEqual(['reset', '11']);
    expect([cancelled, third.texts('warn')[0]]).toEqual([true, expect.stringMatching(/exceeds/)]);
  });

  it('gets a path as a path, and an authority that is no host in the header only', async () => {
    const urls: string[] = [];
    const headers = (path: string, authority: string): Pairs => [
      [':method', 'GET'],
      [':path', path],
      [':authority', authority],
    ];
    const answer: UpstreamFunction = (request) => {
      urls.push(`${request.url} ${String(request.headers.get('host'))}`);
      return new Response();
    };
    const asked: readonly [string, string][] = [
      ['@evil.test/', 'a.test'],
      ['//evil.test/', 'a.test'],
      ['/x', 'outbound|80||a'],
      ['/x', ''],
    ];
    const { wait } = await callingPlugin(
      asked.map(([path, name]) => ({ httpCall: { upstream: 'f', headers: headers(path, name) } })),
      { host: { upstreams: { f: answer } }, callbacks },
    );
    await wait(4);
    expect(urls).toEqual([
      'http://a.test/@evil.test/ a.test',
      'http://a.test//evil.test/ a.test',
      'http://upstream/x outbound|80||a',
      'http://upstream/x ',
    ]);
  });

  it('can not be asked what a Request can not be', async () => {
    const { wait, texts } = await callingPlugin(
      [
        { httpCall: { upstream: 'f', body: 'GET with a body' } },
        { logStatus: true },
        { logLastCall: true },
      ],
      { host: { upstreams: { f: says('') } } },
    );
    await wait(3);
    expect(texts('info')).toEqual(['status 10', '0']);
    expect(texts('warn')[0]).toMatch(/could not be started: .*body/);
  });
});
