import { createHash } from 'node:crypto';
import { existsSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { inspectModule } from '../src/index.js';
import { filter, LOG } from './support/modules.js';
import { assemble } from './support/wat.js';

const example = (name: string): URL =>
  new URL(`../../../examples/filters/${name}/${name}.wasm`, import.meta.url);

describe('inspectModule', () => {
  it('reports everything about a module that loads', async () => {
    const bytes = await filter({
      imports: `${LOG} (import "env" "proxy_http_call" (func (param i32 i32 i32 i32 i32 i32 i32 i32 i32 i32) (result i32)))`,
      body: '(func (export "_start")) (func (export "proxy_on_log") (param i32)) (func (export "proxy_on_tick") (param i32)) (func (export "helper"))',
    });
    expect(await inspectModule(bytes)).toEqual({
      abiVersion: '0.2.1',
      entryPoint: '_start',
      allocator: 'malloc',
      imports: [
        {
          module: 'env',
          name: 'proxy_log',
          signature: '(i32, i32, i32) -> (i32)',
          state: 'implemented',
          note: undefined,
        },
        {
          module: 'env',
          name: 'proxy_http_call',
          signature: '(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> (i32)',
          state: 'implemented',
          note: undefined,
        },
      ],
      exports: [
        {
          name: 'memory',
          signature: 'memory',
          meaning: 'what guest and host exchange bytes through',
          calledByHost: false,
          state: 'ok',
        },
        {
          name: 'proxy_abi_version_0_2_1',
          signature: '() -> ()',
          meaning: 'says that the module speaks ABI 0.2.1',
          calledByHost: false,
          state: 'ok',
        },
        {
          name: 'malloc',
          signature: '(i32) -> (i32)',
          meaning: 'lends memory, for what the host hands over',
          calledByHost: true,
          state: 'ok',
        },
        {
          name: '_start',
          signature: '() -> ()',
          meaning: 'starts the module, before anything else',
          calledByHost: true,
          state: 'ok',
        },
        {
          name: 'proxy_on_log',
          signature: '(i32) -> ()',
          meaning: 'a stream is over: the last look at its headers and properties',
          calledByHost: true,
          state: 'ok',
        },
        {
          name: 'proxy_on_tick',
          signature: '(i32) -> ()',
          meaning: 'the period that the plugin has set is over',
          calledByHost: true,
          state: 'ok',
        },
        {
          name: 'helper',
          signature: '() -> ()',
          meaning: undefined,
          calledByHost: false,
          state: 'ok',
        },
      ],
      memory: { minimumBytes: 65_536, maximumBytes: undefined, shared: false, imported: false },
      toolchain: undefined,
      sizeBytes: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
      problems: [],
      loadable: true,
    });
  });

  it('reports on a module that would not load, with every reason', async () => {
    const report = await inspectModule(
      await assemble(`(module
        (import "env" "nothing" (func))
        (import "env" "proxy_log" (func))
        (func (export "proxy_on_done") (param i32)))`),
    );
    expect(report).toMatchObject({ loadable: false, abiVersion: undefined, memory: undefined });
    expect(report.imports.map(({ state }) => state)).toEqual(['missing', 'wrong-signature']);
    expect(report.exports[0]?.state).toBe('wrong-signature');
    expect(report.problems).toHaveLength(6);
  });

  it('tells how a module is started', async () => {
    const entryPointOf = async (body: string): Promise<string> =>
      (await inspectModule(await filter({ body }))).entryPoint;
    const main = '(func (export "main") (param i32 i32) (result i32) (i32.const 0))';
    const voidMain = '(func (export "__main_void") (result i32) (i32.const 0))';
    const initialize = '(func (export "_initialize"))';
    expect(await entryPointOf('')).toBe('none');
    expect(await entryPointOf('(func $f) (start $f)')).toBe('start section');
    expect(await entryPointOf(`(func (export "_start")) ${main}`)).toBe('_start');
    expect(await entryPointOf(`${initialize} (func (export "_start"))`)).toBe('_initialize');
    expect(await entryPointOf(`${initialize} ${main} ${voidMain}`)).toBe('_initialize + main');
    expect(await entryPointOf(`${initialize} ${voidMain}`)).toBe('_initialize + __main_void');
  });

  it('rejects what is no module at all', async () => {
    await expect(inspectModule(new Uint8Array(8))).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_NOT_WASM',
    });
  });

  it.each([
    ['hello', '0.2.0', 'Go'],
    ['json-validation', '0.2.0', 'Go'],
    ['basic-auth', '0.2.1', 'Rust'],
    ['headers', '0.2.1', 'clang'],
    ['redact', '0.2.1', ''],
  ])('finds the example filter %s loadable', async (name, abiVersion, toolchain) => {
    expect(existsSync(example(name))).toBe(true);
    const report = await inspectModule(example(name));
    expect(report).toMatchObject({ abiVersion, problems: [], loadable: true });
    expect(report.toolchain ?? '').toContain(toolchain);
  });
});
