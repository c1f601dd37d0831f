/** Filters that never come back: what they cost is their own request, and their VM. */
import { get, request } from 'node:http';

import { afterEach, describe, expect, it } from 'vitest';

import { createHost } from '../../src/host.js';
import type { Host, HostFunction, ProxyWasmError } from '../../src/index.js';
import { wasmFilter } from '../../src/node/wasm-filter.js';
import { listen, serverOf, type Listening } from '../support/filter-server.js';
import { filter, LOG, type FilterParts } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

const LIMIT_MS = 40;
const FOREVER = '(loop $forever (br $forever))';

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

interface Served {
  readonly host: Host;
  readonly port: number;
  /** Resolves with the plugin's failure. */
  readonly failed: Promise<ProxyWasmError>;
}

/** The module in front of an app that answers 200 with the body it got. */
async function serve(
  parts: FilterParts,
  hostFunctions: Record<string, HostFunction> = {},
  callbackTimeMs = LIMIT_MS,
): Promise<Served> {
  const host = createHost({ logger: recordLog().logger, hostFunctions });
  closing.push(() => host.close());
  const plugin = await host.createPlugin({
    code: await filter(parts),
    name: 'hostile',
    failurePolicy: 'fail-closed',
    limits: { callbackTimeMs },
  });
  const failed = new Promise<ProxyWasmError>((resolve) => plugin.once('failed', resolve));
  const server = serverOf(wasmFilter(plugin), (req, res) => {
    req.pipe(res);
  });
  const listening: Listening = await listen(server);
  closing.push(() => listening.close());
  return { host, port: listening.port, failed };
}

/** Status of a POST with a body; 'cut' where the connection ends first. */
function post(port: number): Promise<number | 'cut'> {
  return new Promise((resolve) => {
    const sent = request({ port, host: '127.0.0.1', method: 'POST' }, (res) => {
      res.resume();
      res.on('end', () => {
        resolve(res.statusCode ?? 0);
      });
      res.on('error', () => {
        resolve('cut');
      });
    });
    sent.on('error', () => {
      resolve('cut');
    });
    sent.end('body');
  });
}

const three = (name: string, code: string): string =>
  `(func (export "${name}") (param i32 i32 i32) (result i32) ${code} (i32.const 0))`;
const one = (name: string, code: string): string => `(func (export "${name}") (param i32) ${code})`;

describe('an endless loop', () => {
  it.each([
    ['proxy_on_request_headers', three('proxy_on_request_headers', FOREVER), 503],
    ['proxy_on_request_body', three('proxy_on_request_body', FOREVER), 503],
    ['proxy_on_response_headers', three('proxy_on_response_headers', FOREVER), 503],
    ['proxy_on_response_body', three('proxy_on_response_body', FOREVER), expect.anything()],
    [
      'proxy_on_done',
      `(func (export "proxy_on_done") (param i32) (result i32) ${FOREVER} (i32.const 1))`,
      200,
    ],
    ['proxy_on_log', one('proxy_on_log', FOREVER), 200],
    ['proxy_on_delete', one('proxy_on_delete', FOREVER), 200],
  ])('in %s is ended', async (callback, body, status) => {
    const { port, failed, host } = await serve({ body });
    expect(await post(port)).toEqual(status);
    const error = await failed;
    expect(error).toMatchObject({ code: 'PW_ERR_CALLBACK_TIME', pluginName: 'hostile', callback });
    expect(error.message).toContain(`ran for more than ${String(LIMIT_MS)} ms`);
    // The policy holds for what comes next, and the process goes on.
    expect(await post(port)).toBe(503);
    expect(host.health().ready).toBe(false);
  });

  it.each([
    ['_start', `(func (export "_start") ${FOREVER})`, '_start'],
    ['_initialize', `(func (export "_initialize") ${FOREVER})`, '_initialize'],
    ['a start section', `(func $s ${FOREVER}) (start $s)`, 'start section'],
    [
      'proxy_on_context_create',
      `(func (export "proxy_on_context_create") (param i32 i32) ${FOREVER})`,
      'proxy_on_context_create',
    ],
    [
      'proxy_on_vm_start',
      `(func (export "proxy_on_vm_start") (param i32 i32) (result i32) ${FOREVER} (i32.const 1))`,
      'proxy_on_vm_start',
    ],
    [
      'proxy_on_configure',
      `(func (export "proxy_on_configure") (param i32 i32) (result i32) ${FOREVER} (i32.const 1))`,
      'proxy_on_configure',
    ],
  ])('in %s is ended', async (_, body, callback) => {
    await expect(serve({ body })).rejects.toMatchObject({ code: 'PW_ERR_CALLBACK_TIME', callback });
  });

  it('in the allocator is ended, and the callback that wanted the memory too', async () => {
    const imports =
      '(import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))';
    // Goes on after the hostcall as if nothing had happened.
    const body = three(
      'proxy_on_request_headers',
      `(drop (call $pairs (i32.const 0) (i32.const 8) (i32.const 12))) ${FOREVER}`,
    );
    const allocator = `(func (export "malloc") (param i32) (result i32) ${FOREVER} (i32.const 4096))`;
    const { port, failed } = await serve({ imports, body, allocator });
    expect(await post(port)).toBe(503);
    expect(await failed).toMatchObject({ code: 'PW_ERR_CALLBACK_TIME', callback: 'malloc' });
  });

  it('in proxy_on_tick is ended', async () => {
    const imports =
      '(import "env" "proxy_set_tick_period_milliseconds" (func $tick (param i32) (result i32)))';
    const body = `(func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $tick (i32.const 5))) (i32.const 1))
      ${one('proxy_on_tick', FOREVER)}`;
    const { failed } = await serve({ imports, body });
    expect(await failed).toMatchObject({ code: 'PW_ERR_CALLBACK_TIME', callback: 'proxy_on_tick' });
  });
});

const TYPES = '(type $void (func)) (table funcref (elem $spin $other))';
const NOTHING = '(func $spin) (func $other)';

describe('code that never ends', () => {
  it.each([
    ['a br_table', NOTHING, '(loop $l (br_table $l $l (i32.const 0)))'],
    ['a br_if', NOTHING, '(loop $l (br_if $l (i32.const 1)))'],
    ['an outer loop around one that ends', NOTHING, '(loop $o (loop $i) (br $o))'],
    ['loops one in the other', NOTHING, '(loop $o (loop $i (br_if $i (i32.const 0)) (br $o)))'],
    [
      'calls to a function without loops',
      '(func $spin) (func $other (call $spin))',
      '(loop $l (call $other) (br $l))',
    ],
    ['indirect calls', NOTHING, '(loop $l (call_indirect (type $void) (i32.const 1)) (br $l))'],
    ['a self tail call', '(func $spin (return_call $spin)) (func $other)', '(call $spin)'],
    [
      'tail calls back and forth',
      '(func $spin (return_call $other)) (func $other (return_call $spin))',
      '(call $spin)',
    ],
    [
      'indirect tail calls',
      '(func $spin (return_call_indirect (type $void) (i32.const 0))) (func $other)',
      '(call $spin)',
    ],
    [
      'a loop inside catch_all',
      '(tag $t) (func $spin) (func $other)',
      `(loop $o (try (do ${FOREVER}) (catch_all)) (br $o))`,
    ],
    [
      'throwing and catching',
      '(tag $t) (func $spin (throw $t)) (func $other)',
      '(loop $o (try (do (call $spin)) (catch_all)) (br $o))',
    ],
    [
      'a loop that fills memory',
      NOTHING,
      '(loop $o (memory.fill (i32.const 0) (i32.const 1) (i32.const 60000)) (br $o))',
    ],
    [
      'a loop that copies memory',
      NOTHING,
      '(loop $o (memory.copy (i32.const 0) (i32.const 1) (i32.const 60000)) (br $o))',
    ],
    ['a loop that grows memory', NOTHING, '(loop $o (drop (memory.grow (i32.const 1))) (br $o))'],
    [
      'a loop of hostcalls',
      NOTHING,
      '(loop $o (drop (call $log (i32.const 0) (i32.const 0) (i32.const 1))) (br $o))',
    ],
  ])('%s is ended', async (_, functions, code) => {
    const body = `${TYPES} ${functions} ${three('proxy_on_request_headers', code)}`;
    const { port, failed } = await serve({ imports: LOG, body });
    expect(await post(port)).toBe(503);
    expect((await failed).code).toBe('PW_ERR_CALLBACK_TIME');
  });

  it('calls that double at each level end, though nothing repeats', async () => {
    const levels = Array.from({ length: 60 }, (_, level) =>
      level === 0
        ? '(func $f0)'
        : `(func $f${String(level)} (call $f${String(level - 1)}) (call $f${String(level - 1)}))`,
    );
    const body = `${levels.join('\n')} ${three('proxy_on_request_headers', '(call $f59)')}`;
    const { port, failed } = await serve({ body });
    expect(await post(port)).toBe(503);
    expect((await failed).code).toBe('PW_ERR_CALLBACK_TIME');
  });

  it('recursion that doubles ends, though it never goes deep', async () => {
    const body = `
      (func $fib (param $n i32) (result i32)
        (if (result i32) (i32.lt_u (local.get $n) (i32.const 2)) (then (i32.const 1))
          (else (i32.add (call $fib (i32.sub (local.get $n) (i32.const 1)))
            (call $fib (i32.sub (local.get $n) (i32.const 2)))))))
      ${three('proxy_on_request_headers', '(drop (call $fib (i32.const 200)))')}`;
    const { port, failed } = await serve({ body });
    expect(await post(port)).toBe(503);
    expect((await failed).code).toBe('PW_ERR_CALLBACK_TIME');
  });
});

describe('the time of hostcalls', () => {
  const imports = '(import "env" "app_wait" (func $wait (param i32) (result i32)))';
  const wait: HostFunction = (_, ms) => {
    const end = performance.now() + Number(ms);
    while (performance.now() < end);
    return 0;
  };

  it('counts: one long call is enough', async () => {
    const body = `(func $f (drop (call $wait (i32.const 0))))
      ${three('proxy_on_request_headers', `(drop (call $wait (i32.const ${String(LIMIT_MS * 2)}))) (call $f)`)}`;
    const { port, failed } = await serve({ imports, body }, { app_wait: wait });
    expect(await post(port)).toBe(503);
    expect((await failed).code).toBe('PW_ERR_CALLBACK_TIME');
  });

  it('counts: many short ones are ended soon after the limit', async () => {
    let calls = 0;
    const counted: HostFunction = (context, ms) => {
      calls += 1;
      return wait(context, ms ?? 0);
    };
    const body = three(
      'proxy_on_request_headers',
      '(loop $l (drop (call $wait (i32.const 5))) (br $l))',
    );
    const { port, failed } = await serve({ imports, body }, { app_wait: counted });
    expect(await post(port)).toBe(503);
    expect((await failed).code).toBe('PW_ERR_CALLBACK_TIME');
    expect(calls).toBeGreaterThan(0);
    expect(calls).toBeLessThan(LIMIT_MS / 5 + 5);
  });

  it('begins anew with each callback', async () => {
    const limitMs = 1000;
    const body = three('proxy_on_request_headers', '(drop (call $wait (i32.const 300)))');
    const { port, host } = await serve({ imports, body }, { app_wait: wait }, limitMs);
    for (let count = 0; count < 4; count += 1) expect(await post(port)).toBe(200);
    expect(host.health().ready).toBe(true);
  });
});

describe('a VM whose time is up', () => {
  it('does nothing more: no hostcall takes effect, whoever catches what', async () => {
    const imports = `${LOG}
      (import "env" "proxy_get_header_map_pairs" (func $pairs (param i32 i32 i32) (result i32)))
      (import "env" "proxy_add_header_map_value" (func $add (param i32 i32 i32 i32 i32) (result i32)))`;
    // The allocator loops; the callback then logs, adds a header, and catches whatever comes.
    const body = `(data (i32.const 8) "x-late")
      ${three(
        'proxy_on_request_headers',
        `(drop (call $pairs (i32.const 0) (i32.const 64) (i32.const 68)))
         (try (do (drop (call $log (i32.const 2) (i32.const 8) (i32.const 6)))) (catch_all))
         (try (do (drop (call $add (i32.const 0) (i32.const 8) (i32.const 6) (i32.const 8) (i32.const 6)))) (catch_all))`,
      )}`;
    const allocator = `(func (export "malloc") (param i32) (result i32) ${FOREVER} (i32.const 0))`;
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    closing.push(() => host.close());
    const plugin = await host.createPlugin({
      code: await filter({ imports, body, allocator }),
      failurePolicy: 'fail-open',
      limits: { callbackTimeMs: LIMIT_MS },
    });
    const seen: unknown[] = [];
    const server = serverOf(wasmFilter(plugin), (req, res) => {
      seen.push(req.headers['x-late']);
      res.end();
    });
    const listening = await listen(server);
    closing.push(() => listening.close());
    expect(await post(listening.port)).toBe(200);
    expect(seen).toEqual([undefined]);
    expect(log.texts('info')).toEqual([]);
  });
});

describe('a limit that is off', () => {
  it('leaves the module as it was, and a callback may take long', async () => {
    const body = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (local $n i32) (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $n) (i32.const 200000000)))) (i32.const 0))`;
    const host = createHost({ logger: recordLog().logger });
    closing.push(() => host.close());
    const code = await filter({ body });
    const off = await host.createPlugin({ code, limits: { callbackTimeMs: false } });
    const listening = await listen(serverOf(wasmFilter(off), (_, res) => res.end()));
    closing.push(() => listening.close());
    expect(
      await new Promise((resolve) =>
        get({ port: listening.port }, (res) => {
          resolve(res.resume().statusCode);
        }),
      ),
    ).toBe(200);
  });
});

describe('callbacks within their time', () => {
  it('are never ended, however long they take together', async () => {
    const body = `(func (export "proxy_on_request_headers") (param i32 i32 i32) (result i32)
      (local $n i32) (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $n) (i32.const 5000000)))) (i32.const 0))`;
    const limitMs = 500;
    const { port } = await serve({ body }, {}, limitMs);
    const end = performance.now() + 2 * limitMs;
    while (performance.now() < end) expect(await post(port)).toBe(200);
  });
});
