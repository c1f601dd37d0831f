import { describe, expect, it } from 'vitest';

import { createHost, type Limits } from '../../src/index.js';
import {
  ALLOCATOR,
  filter,
  LOG,
  logCall,
  loggingBody,
  type FilterParts,
} from '../support/modules.js';
import { recordLog } from '../support/record-log.js';

async function start(parts: FilterParts, limits: Limits = {}): Promise<string[]> {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  try {
    await host.createPlugin({ code: await filter(parts), name: 'test', limits });
  } finally {
    await host.close();
  }
  return log.texts();
}

const EXIT = '(import "wasi_snapshot_preview1" "proc_exit" (func $exit (param i32)))';
const hello = '(data (i32.const 8) "hello")';
const sayHello = logCall(8, 'hello');

describe('starting a module', () => {
  it('calls _initialize and not _start', async () => {
    const body = `${hello} (func (export "_initialize") ${sayHello}) (func (export "_start") unreachable)`;
    expect(await start({ imports: LOG, body })).toEqual(['hello']);
  });

  it('calls main after _initialize, and not __main_void beside it', async () => {
    const body = loggingBody(['_initialize', 'main', '__main_void']);
    expect(await start({ imports: LOG, body })).toEqual(['_initialize', 'main']);
  });

  it('calls __main_void where there is no main', async () => {
    const body = loggingBody(['_initialize', '__main_void']);
    expect(await start({ imports: LOG, body })).toEqual(['_initialize', '__main_void']);
  });

  it('calls _start where there is no _initialize', async () => {
    expect(await start({ imports: LOG, body: loggingBody(['_start', 'main']) })).toEqual([
      '_start',
    ]);
  });

  it('runs a bare start section, whose hostcalls fail softly: nothing is exported yet', async () => {
    const body = `${hello} (global $status (mut i32) (i32.const -1))
      (func $run (global.set $status (call $log (i32.const 2) (i32.const 8) (i32.const 5))))
      (start $run)
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i32.eq (global.get $status) (i32.const 6)))`;
    expect(await start({ imports: LOG, body })).toEqual([]);
  });

  it('lets a start section use an imported memory', async () => {
    const parts = {
      imports: `(import "any" "thing" (memory 1 3)) ${LOG}`,
      memory: '',
      body: `${hello} (func $run ${sayHello}) (start $run)`,
    };
    expect(await start(parts)).toEqual(['hello']);
  });

  it('uses an imported memory that is exported too', async () => {
    const parts = {
      imports: `(import "env" "memory" (memory 1)) ${LOG}`,
      memory: '(export "memory" (memory 0))',
      body: `${hello} (func (export "_start") ${sayHello})`,
    };
    expect(await start(parts)).toEqual(['hello']);
  });

  it('prefers malloc to proxy_on_memory_allocate', async () => {
    const allocator = `${ALLOCATOR} (func (export "proxy_on_memory_allocate") (param i32) (result i32) unreachable)`;
    const imports = `${LOG} (import "env" "proxy_get_buffer_bytes" (func $get (param i32 i32 i32 i32 i32) (result i32)))`;
    const body = `(func (export "proxy_on_vm_start") (param i32 i32) (result i32)
      (drop (call $get (i32.const 6) (i32.const 0) (i32.const 100) (i32.const 8) (i32.const 12)))
      (drop (call $log (i32.const 2) (i32.load (i32.const 8)) (i32.load (i32.const 12))))
      (i32.const 1))`;
    const log = recordLog();
    const host = createHost({ logger: log.logger });
    const code = await filter({ imports, allocator, body });
    await host.createPlugin({ code, vm: { configuration: 'configured' } });
    expect(log.texts()).toEqual(['configured']);
  });

  it('tells of a trap in a start function with its code', async () => {
    for (const name of ['_initialize', '_start']) {
      await expect(start({ body: `(func (export "${name}") unreachable)` })).rejects.toMatchObject({
        code: 'PW_ERR_START_TRAPPED',
        message: expect.stringContaining(
          `plugin "test": the module trapped while it started (${name})`,
        ),
        pluginName: 'test',
      });
    }
    await expect(start({ body: '(func $run unreachable) (start $run)' })).rejects.toMatchObject({
      code: 'PW_ERR_START_TRAPPED',
    });
    await expect(start({ body: '(data (i32.const 65536) "x")' })).rejects.toMatchObject({
      code: 'PW_ERR_START_TRAPPED',
    });
  });

  it('allows only logging and WASI while a module starts', async () => {
    const imports =
      '(import "env" "proxy_get_current_time_nanoseconds" (func $now (param i32) (result i32)))';
    const body = '(func (export "_start") (drop (call $now (i32.const 8))))';
    await expect(start({ imports, body })).rejects.toMatchObject({
      code: 'PW_ERR_HOSTCALL_RESTRICTED',
    });
  });

  it('refuses a memory that can not be allocated', async () => {
    const memory = '(memory (export "memory") 65536)';
    const failed = await start({ memory }, { memoryBytes: 2 ** 32 }).catch(
      (error: { code: string }) => error.code,
    );
    // Some machines can reserve 4 GiB.
    expect([[], 'PW_ERR_MODULE_MEMORY']).toContainEqual(failed);
  });
});

describe('proc_exit', () => {
  it('of 0 inside _start is a normal return', async () => {
    const body = `${loggingBody(['proxy_on_configure'])} (func (export "_start") (call $exit (i32.const 0)) unreachable)`;
    expect(await start({ imports: `${LOG} ${EXIT}`, body })).toEqual(['proxy_on_configure']);
  });

  it.each([
    ['of another code inside _start', '(func (export "_start") (call $exit (i32.const 3)))', 3],
    ['of 0 inside _initialize', '(func (export "_initialize") (call $exit (i32.const 0)))', 0],
    [
      'of 0 inside a callback',
      '(func (export "proxy_on_configure") (param i32 i32) (result i32) (call $exit (i32.const 0)) (i32.const 1))',
      0,
    ],
    [
      'that the guest catches',
      '(func (export "proxy_on_configure") (param i32 i32) (result i32) (try (do (call $exit (i32.const 1))) (catch_all)) (i32.const 1))',
      1,
    ],
  ])('%s ends the VM', async (_where, body, code) => {
    await expect(start({ imports: EXIT, body })).rejects.toMatchObject({
      code: 'PW_ERR_GUEST_EXITED',
      message: expect.stringContaining(`proc_exit(${String(code)})`),
    });
  });
});
