/** The limits on what hostcalls take: what the guest is answered, and that the app is told. */
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { guest } from '../../../conformance/src/guests/wat-guest.js';
import { createHost, type Host, type Limits } from '../../src/index.js';
import { LogLimit } from '../../src/vm/log-limit.js';
import { listen, RawClient, serverOf, startFilters } from '../support/filter-server.js';
import { recordLog } from '../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

/** What a plugin logs that does that in `proxy_on_configure`. */
async function configured(limits: Limits, operations: readonly Operation[]) {
  const log = recordLog();
  const host: Host = createHost({
    logger: log.logger,
    upstreams: { slow: () => new Promise(() => undefined) },
    foreignFunctions: { later: () => new Promise(() => undefined) },
  });
  cleanups.push(() => host.close());
  const code = await guest({
    callbacks: { proxy_on_configure: operations, proxy_on_foreign_function: [] },
  });
  const plugin = await host.createPlugin({ code, name: 'p', limits });
  return { host, log, plugin };
}

/** What a filter logs that does that with a request. */
async function requested(limits: Limits, operations: readonly Operation[]) {
  const filters = await startFilters(
    [{ callbacks: { proxy_on_request_headers: operations, proxy_on_request_body: [] } }],
    { limits },
  );
  cleanups.push(() => filters.close());
  return exchange(filters);
}

async function exchange(filters: Awaited<ReturnType<typeof startFilters>>, body = '') {
  const { port, close } = await listen(
    serverOf(filters.filter, (req, res) => {
      let size = 0;
      req.on('data', (chunk: Buffer) => (size += chunk.length));
      req.on('end', () => res.end(`${String(Object.keys(req.headers).length)} ${String(size)}`));
    }),
  );
  cleanups.push(close);
  const client = new RawClient(port);
  client.send(
    `POST / HTTP/1.1\nhost: a\nconnection: close\ncontent-length: ${String(body.length)}`,
    body,
  );
  await client.closed;
  return { answer: client.text, logs: filters.logs(), errors: filters.errors() };
}

const OK = 'status 0';
const REFUSED = 'status 10';

describe('limits', () => {
  it('headerBytes: writes beyond are refused, whatever they write', async () => {
    const add: Operation = { add: [0, 'x-flood', 'y'.repeat(400)] };
    const { logs, errors, answer } = await requested({ headerBytes: 1000 }, [
      ...[add, { logStatus: true } as const],
      ...[add, { logStatus: true } as const],
      ...[add, { logStatus: true } as const],
      ...[{ replace: [0, 'x-flood', 'z'] } as const, { logStatus: true } as const],
      ...[{ remove: [0, 'x-flood'] } as const, { logStatus: true } as const],
      ...[{ setPairs: [0, [['a', 'b']]] } as const, { logStatus: true } as const],
    ]);
    expect(logs).toEqual([OK, OK, REFUSED, REFUSED, REFUSED, REFUSED]);
    expect(answer).toMatch(/^HTTP\/1.1 200 /);
    expect(errors[0]).toContain('limits.headerBytes');
  });

  it('headerBytes: what a client sends does not count', async () => {
    const filters = await startFilters(
      [{ callbacks: { proxy_on_request_headers: [{ add: [0, 'x', 'y'] }, { logStatus: true }] } }],
      { limits: { headerBytes: 100 } },
    );
    cleanups.push(() => filters.close());
    const { port, close } = await listen(serverOf(filters.filter, (_, res) => res.end()));
    cleanups.push(close);
    const client = new RawClient(port);
    const many = Array.from({ length: 900 }, (_, index) => `h${String(index)}: 1`).join('\n');
    client.send(`GET / HTTP/1.1\nhost: a\nconnection: close\n${many}`);
    await client.closed;
    expect([client.text.slice(0, 12), filters.logs()]).toEqual(['HTTP/1.1 200', [OK]]);
  });

  it('bodyBytes: a body does not grow beyond', async () => {
    const append: Operation = { setBuffer: [0, 0x7fff, 0, 'x'.repeat(40)] };
    const filters = await startFilters(
      [
        {
          callbacks: {
            proxy_on_request_body: [
              ...[append, { logStatus: true } as const],
              ...[append, { logStatus: true } as const],
              ...[append, { logStatus: true } as const],
              // What takes the place of something else may be as large.
              ...[{ setBuffer: [0, 0, 60, 'x'.repeat(60)] } as const, { logStatus: true } as const],
              // To take something away is always allowed.
              ...[{ setBuffer: [0, 0, 10, ''] } as const, { logStatus: true } as const],
            ],
          },
        },
      ],
      { limits: { bodyBytes: 100 } },
    );
    cleanups.push(() => filters.close());
    const { answer, logs, errors } = await exchange(filters, 'x'.repeat(10));
    expect(logs).toEqual([OK, OK, REFUSED, OK, OK]);
    expect(answer).toMatch(/ 80$/);
    expect(errors[0]).toContain('limits.bodyBytes');
  });

  it('propertyBytes: of all that the exchange keeps; what is replaced makes room', async () => {
    const set = (path: string, size: number): Operation[] => [
      { setProperty: [path, 'x'.repeat(size)] },
      { logStatus: true },
    ];
    const { logs, errors } = await requested({ propertyBytes: 100 }, [
      ...set('a', 49),
      ...set('b', 49),
      ...set('c', 1),
      ...set('a', 40),
      ...set('c', 5),
      { logProperty: ['c'] },
    ]);
    expect(logs).toEqual([OK, OK, REFUSED, OK, OK, 'xxxxx']);
    expect(errors[0]).toContain('limits.propertyBytes');
  });

  it('sharedDataBytes: of one value and of one message', async () => {
    const { log } = await configured({ sharedDataBytes: 10 }, [
      ...[{ setSharedData: ['key', 'x'.repeat(7), 0] } as const, { logStatus: true } as const],
      ...[{ setSharedData: ['key', 'x'.repeat(8), 0] } as const, { logStatus: true } as const],
      { registerQueue: [0, 'q'] },
      ...[{ enqueue: [0, 'x'.repeat(10)] } as const, { logStatus: true } as const],
      ...[{ enqueue: [0, 'x'.repeat(11)] } as const, { logStatus: true } as const],
    ]);
    expect(log.texts('info')).toEqual([OK, REFUSED, OK, REFUSED]);
    expect(log.texts('warn')).toEqual([
      expect.stringContaining('limits.sharedDataBytes'),
      expect.stringContaining('limits.sharedDataBytes'),
    ]);
  });

  it('pairsEntries and pairsBytes: a list beyond is an empty one, as in Envoy', async () => {
    const headers = [
      [':method', 'GET'],
      [':path', '/'],
      [':authority', 'a'],
    ] as const;
    const call = (pairs = headers as readonly (readonly [string, string])[]): Operation[] => [
      { httpCall: { upstream: 'slow', headers: pairs } },
      { logStatus: true },
    ];
    const entries = await configured({ pairsEntries: 3 }, [
      ...call(),
      ...call([...headers, ['a', 'b']]),
    ]);
    expect(entries.log.texts('info')).toEqual([OK, 'status 2']);
    const bytes = await configured({ pairsBytes: 100 }, [
      ...call(),
      ...call([...headers.slice(0, 2), [':authority', 'a'.repeat(100)]]),
    ]);
    expect(bytes.log.texts('info')).toEqual([OK, 'status 2']);
  });

  it('upstreamBytes: of the bodies of all calls in flight', async () => {
    const post = [
      [':method', 'POST'],
      [':path', '/'],
      [':authority', 'a'],
    ] as const;
    const call = (size: number): Operation[] => [
      { httpCall: { upstream: 'slow', headers: post, body: 'x'.repeat(size) } },
      { logStatus: true },
    ];
    const { log } = await configured({ upstreamBytes: 100 }, [
      ...call(60),
      ...call(50),
      ...call(40),
    ]);
    expect(log.texts('info')).toEqual([OK, REFUSED, OK]);
    expect(log.texts('warn')[0]).toContain('limits.upstreamBytes');
  });

  it('upstreamCalls counts calls of foreign functions that answer later', async () => {
    const { log } = await configured({ upstreamCalls: 1 }, [
      ...[{ callForeign: ['later', ''] } as const],
      ...[{ callForeign: ['later', ''] } as const],
    ]);
    expect(log.texts('info').at(-1)).toBe(REFUSED);
    expect(log.texts('warn')[0]).toContain('limits.upstreamCalls');
  });

  it('logLineBytes: the rest of a line is cut off', async () => {
    const { log } = await configured({ logLineBytes: 4 }, [{ log: 'abcd' }, { log: 'abcdef' }]);
    expect(log.texts('info')).toEqual(['abcd', 'abcd… (6 bytes in all)']);
  });

  it('logLinesPerSecond: lines beyond are dropped and counted, and the guest can not tell', async () => {
    const flood = Array.from({ length: 10 }, () => ({ log: 'line' }) as const);
    const { log, host, plugin } = await configured({ logLinesPerSecond: 3 }, [
      ...flood,
      { logStatus: true },
    ]);
    expect(log.texts('info')).toEqual(['line', 'line', 'line']);
    const dropped = host.metrics.read().find(({ name }) => name === 'wasm.log_lines_dropped');
    expect(dropped?.value).toBe(8);
    await plugin.close();
    expect(log.texts('warn')).toEqual([
      'plugin "p": 8 lines of its VM were not logged: it writes more than 3 in a second ' +
        '(limits.logLinesPerSecond)',
    ]);
  });

  it('logLinesPerSecond: false is no limit', async () => {
    const flood = Array.from({ length: 50 }, () => ({ log: 'line' }) as const);
    const { log } = await configured({ logLinesPerSecond: false }, flood);
    expect(log.texts('info')).toHaveLength(50);
  });
});

describe('LogLimit', () => {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['performance'] });
  });
  afterEach(() => {
    vi.useRealTimers();
  });

  it('lets as many pass again when a second has gone', () => {
    const listener = { dropped: vi.fn(), report: vi.fn() };
    const limit = new LogLimit(2, listener);
    const take = (count: number) => Array.from({ length: count }, () => limit.take());
    expect(take(4)).toEqual([true, true, false, false]);
    vi.advanceTimersByTime(999);
    expect(take(1)).toEqual([false]);
    expect(listener.dropped).toHaveBeenCalledTimes(3);
    expect(listener.report).not.toHaveBeenCalled();
    vi.advanceTimersByTime(1);
    expect(take(3)).toEqual([true, true, false]);
    expect(listener.report.mock.calls).toEqual([[3]]);
    // A quiet plugin never comes to its limit.
    for (let second = 0; second < 10; second += 1) {
      vi.advanceTimersByTime(1000);
      expect(take(1)).toEqual([true]);
    }
  });
});
