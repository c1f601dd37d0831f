import { describe, expect, it } from 'vitest';

import { createHost, type HostFunction, type HostFunctionContext } from '../../src/index.js';
import { filter, LOG, logCall } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

/** Runs `f(16, 4)` in proxy_on_configure; the guest logs "ok" if it answers `expected`. */
async function run(f: HostFunction, expected = 0, options: { capabilities?: string[] } = {}) {
  const log = recordLog();
  const host = createHost({ logger: log.logger, hostFunctions: { f } });
  const code = await filter({
    imports: `${LOG} (import "env" "f" (func $f (param i32 i32) (result i32)))`,
    body: `(data (i32.const 8) "ok") (data (i32.const 16) "data")
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (if (i32.eq (call $f (i32.const 16) (i32.const 4)) (i32.const ${String(expected)}))
          (then ${logCall(8, 'ok')}))
        (drop (call $log (i32.const 2) (i32.load (i32.const 32)) (i32.load (i32.const 36))))
        (i32.const 1))`,
  });
  const plugin = await host.createPlugin({
    code,
    name: 'test',
    rootId: 'root',
    vm: { id: 'v' },
    ...options,
  });
  return { texts: log.texts('info'), errors: log.texts('error'), plugin };
}

describe('a host function', () => {
  it('reads and writes the guest’s memory, and hands it bytes', async () => {
    let seen: unknown;
    const { texts } = await run((context, ptr, length) => {
      const { pluginName, rootId, vmId, contextId } = context;
      const text = context.readString(Number(ptr), Number(length));
      seen = { pluginName, rootId, vmId, contextId, text };
      context.writeU32(64, 7);
      context.writeU64(72, 9n);
      context.writeBytes(80, context.readBytes(16, 2));
      expect([context.readU32(64), context.readString(80, 2)]).toEqual([7, 'da']);
      context.returnBytes('from the host', 32, 36);
      return 0;
    });
    expect(seen).toEqual({
      pluginName: 'test',
      rootId: 'root',
      vmId: 'v',
      contextId: 1,
      text: 'data',
    });
    expect(texts).toEqual(['ok', 'from the host']);
  });

  it('that reaches outside the memory gives the guest status 6', async () => {
    for (const reach of [
      (context: HostFunctionContext) => context.readBytes(-1, 2),
      (context: HostFunctionContext) => context.readString(0, -1),
      (context: HostFunctionContext) => context.readU32(65_534),
      (context: HostFunctionContext) => context.writeU32(65_534, 0),
      (context: HostFunctionContext) => context.writeU64(65_530, 0n),
      (context: HostFunctionContext) => context.writeBytes(65_534, Buffer.alloc(3)),
      (context: HostFunctionContext) => context.returnBytes('x', 65_534, 0),
    ]) {
      const { texts, errors } = await run((context) => void reach(context), 6);
      expect(texts[0]).toBe('ok');
      expect(errors).toEqual([]);
    }
  });

  it('that throws, or answers a promise, gives status 10, and the log tells', async () => {
    const thrown = await run(() => {
      throw new Error('broken');
    }, 10);
    expect(thrown.errors).toEqual(['host function f failed: broken']);
    expect(thrown.plugin.state).toBe('running');
    const promised = await run((async () => 1) as unknown as HostFunction, 10);
    expect(promised.errors[0]).toContain('must answer at once');
    expect((await run((() => 'no number') as unknown as HostFunction, 0)).texts[0]).toBe('ok');
  });

  it('that answers nothing answers 0', async () => {
    expect((await run(() => undefined)).texts[0]).toBe('ok');
    expect((await run(() => 5n, 5)).texts[0]).toBe('ok');
  });

  it('is restricted by capabilities like a hostcall', async () => {
    let calls = 0;
    const count = (): number => (calls += 1);
    const { texts } = await run(count, 10, { capabilities: ['proxy_log', 'proxy_on_configure'] });
    expect([texts[0], calls]).toEqual(['ok', 0]);
    await run(count, 1, { capabilities: ['proxy_log', 'proxy_on_configure', 'f'] });
    expect(calls).toBe(1);
  });

  it('can not be used when its call is over', async () => {
    let kept: HostFunctionContext | undefined;
    await run((context) => {
      kept = context;
    });
    expect(() => kept?.readU32(0)).toThrow('only valid during its call');
    expect(() => kept?.returnBytes('x', 0, 0)).toThrow('only valid during its call');
  });

  it('answers an i64 as a bigint', async () => {
    const host = createHost({ hostFunctions: { f: () => 2 ** 40, g: () => -1n } });
    const code = await filter({
      imports:
        '(import "env" "f" (func $f (result i64))) (import "env" "g" (func $g (result i64)))',
      body: `(func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i64.eq (i64.add (call $f) (call $g)) (i64.const 1099511627775)))`,
    });
    await expect(host.createPlugin({ code })).resolves.toMatchObject({ state: 'running' });
  });

  it('does not take the place of a hostcall', async () => {
    const log = recordLog();
    const host = createHost({ logger: log.logger, hostFunctions: { proxy_log: () => 0 } });
    const body = `(data (i32.const 8) "ok") (func (export "_start") ${logCall(8, 'ok')})`;
    await host.createPlugin({ code: await filter({ imports: LOG, body }) });
    expect(log.texts()).toEqual(['ok']);
  });
});
