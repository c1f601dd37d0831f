/** Filters that do what no SDK would, through real sockets where requests are concerned. */
import { afterEach, describe, expect, it } from 'vitest';

import type { Operation } from '../../../conformance/src/guests/operations.js';
import { createHost, type Host } from '../../src/index.js';
import { eventually, listen, RawClient, serverOf, startFilters } from '../support/filter-server.js';
import { filter } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

const cleanups: (() => unknown)[] = [];
afterEach(async () => {
  for (const cleanup of cleanups.splice(0).reverse()) await cleanup();
});

async function serve(operations: readonly Operation[], options = {}) {
  const filters = await startFilters(
    [{ callbacks: { proxy_on_request_headers: operations } }],
    options,
  );
  const counts: number[] = [];
  const { port, close } = await listen(
    serverOf(filters.filter, (req, res) => {
      counts.push(req.rawHeaders.length / 2);
      res.end('ok');
    }),
  );
  cleanups.push(close);
  const send = async () => {
    const client = new RawClient(port);
    client.send('GET / HTTP/1.1\nhost: a\nconnection: close');
    await client.closed;
    return client.text;
  };
  return { filters, send, counts };
}

describe('hostcalls while the module starts', () => {
  const DONE = '(import "env" "proxy_done" (func $done (result i32)))';
  const ASK = '(drop (call $done))';

  it.each([
    ['_start', `(func (export "_start") ${ASK})`],
    ['_initialize', `(func (export "_initialize") ${ASK})`],
    [
      'main',
      `(func (export "_initialize")) (func (export "main") (param i32 i32) (result i32) ${ASK} (i32.const 0))`,
    ],
    ['the start section', `(func $go ${ASK}) (start $go)`],
  ])('from %s end the VM before it takes requests, and nothing is left', async (_what, body) => {
    const log = recordLog();
    const host: Host = createHost({ logger: log.logger });
    cleanups.push(() => host.close());
    const code = await filter({ imports: DONE, body });
    await expect(host.createPlugin({ code, name: 'p' })).rejects.toMatchObject({
      code: 'PW_ERR_HOSTCALL_RESTRICTED',
      pluginName: 'p',
    });
    expect(host.health().plugins).toEqual([]);
    const active = host.metrics.read().find(({ name }) => name === 'wasm.active');
    expect(active?.value).toBe(0);
  });
});

describe('contexts that are gone', () => {
  it('can not be acted on: neither by their id nor by the next one', async () => {
    const { filters, send } = await serve([
      // The stream before this one (2, 3, …), the next one, none, the largest.
      { wat: '(global.set $status (i32.const 99))' },
      {
        inContext: [
          3,
          [
            { effectiveContext: 2 },
            { logStatus: true },
            { effectiveContext: 4 },
            { logStatus: true },
            { effectiveContext: -1 },
            { logStatus: true },
            { add: [0, 'x-own', 'yes'] },
            { logStatus: true },
          ],
        ],
      },
    ]);
    expect(await send()).toMatch(/200/);
    const [plugin] = filters.plugins;
    await eventually(() => plugin?.streams === 0, 'the first is over');
    expect(await send()).toMatch(/200/);
    // BadArgument each, and the context that was current still is.
    expect(filters.logs()).toEqual(['status 2', 'status 2', 'status 2', 'status 0']);
    await filters.close();
  });
});

describe('floods', () => {
  const many = (count: number, action: string): Operation => ({
    wat: `(local.set $i (i32.const ${String(count)}))
      (loop $more ${action}
        (br_if $more (local.tee $i (i32.sub (local.get $i) (i32.const 1)))))`,
  });

  it('of headers stop at limits.headerBytes, and the request goes on', async () => {
    const { filters, send, counts } = await serve(
      // The first makes the import; the loop takes the same arguments, a million times.
      [
        { add: [0, 'x', 'y'] },
        many(
          1_000_000,
          '(drop (call $proxy_add_header_map_value (i32.const 0) (i32.const 1024) (i32.const 1) (i32.const 1025) (i32.const 1)))',
        ),
      ],
      { limits: { headerBytes: 3400, callbackTimeMs: false } },
    );
    expect(await send()).toMatch(/^HTTP\/1.1 200/);
    // 34 bytes count for each of them.
    expect(counts[0]).toBeLessThanOrEqual(102);
    expect(counts[0]).toBeGreaterThan(90);
    expect(filters.errors()[0]).toContain('limits.headerBytes');
    expect(filters.errors()).toHaveLength(1);
    await filters.close();
  });

  it('of log lines stop at limits.logLinesPerSecond', async () => {
    const { filters, send } = await serve(
      [many(100_000, '(call $say (i32.const 1024) (i32.const 1))')],
      { limits: { logLinesPerSecond: 50, callbackTimeMs: false } },
    );
    expect(await send()).toMatch(/^HTTP\/1.1 200/);
    expect(filters.logs().length).toBeLessThanOrEqual(150);
    await filters.close();
    expect(filters.errors().join()).toMatch(/\d{5} lines of its VM were not logged/);
  });

  it('of local responses, resumes and closes come to one end', async () => {
    const { filters, send, counts } = await serve([
      ...Array.from({ length: 50 }, () => [
        { localResponse: { status: 403, body: 'no' } } as const,
        { continueStream: 0 } as const,
        { continueStream: 1 } as const,
      ]).flat(),
      { return: 1 },
    ]);
    expect(await send()).toMatch(/^HTTP\/1.1 403 [^]*no$/);
    expect(counts).toEqual([]);
    const { created, deleted } = await filters.close();
    expect(created).toBe(deleted);
  });

  it('of properties and shared data are refused, not kept', async () => {
    const { filters, send } = await serve([
      ...Array.from(
        { length: 20 },
        (_, index) => ({ setProperty: [`p${String(index)}`, 'x'.repeat(100_000)] }) as const,
      ),
      { logStatus: true },
    ]);
    expect(await send()).toMatch(/200/);
    expect(filters.logs()).toEqual(['status 10']);
    await filters.close();
  });
});
