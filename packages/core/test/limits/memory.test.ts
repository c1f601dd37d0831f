/** Filters that want too much: memory, or stack. */
import { describe, expect, it } from 'vitest';

import { createHost, inspectModule, type Limits } from '../../src/index.js';
import { filter, LOG, type FilterParts } from '../support/modules.js';
import { recordLog } from '../support/record-log.js';
import { OBJECTS } from '../vm/weave/corpus.js';

const PAGE_BYTES = 65_536;

/** Runs proxy_on_configure; answers what was logged. */
async function start(parts: FilterParts, limits: Limits): Promise<string[]> {
  const log = recordLog();
  const host = createHost({ logger: log.logger });
  try {
    await host.createPlugin({ code: await filter(parts), name: 'bomb', limits });
  } finally {
    await host.close();
  }
  return log.texts('info');
}

/** Answers true if memory 0 can grow to exactly so many pages, one by one. */
const growsTo = (pages: number): string => `
  (func (export "proxy_on_configure") (param i32 i32) (result i32)
    (loop $l (br_if $l (i32.ne (memory.grow (i32.const 1)) (i32.const -1))))
    (i32.eq (memory.size) (i32.const ${String(pages)})))`;

describe('limits.memoryBytes', () => {
  it.each([
    ['a memory without a maximum', '(memory (export "memory") 1)'],
    ['a memory with a higher maximum', '(memory (export "memory") 2 1000)'],
    ['an imported memory', '(import "env" "memory" (memory 1))'],
    ['an imported memory with a higher maximum', '(import "env" "memory" (memory 1 1000))'],
  ])('caps %s, and the guest goes on', async (_, declaration) => {
    const isImport = declaration.startsWith('(import');
    const parts = isImport
      ? { imports: declaration, memory: '', body: growsTo(5) }
      : { memory: declaration, body: growsTo(5) };
    // Less than a page more is no page.
    const memoryBytes = 5 * PAGE_BYTES + 100;
    await expect(start(parts, { memoryBytes })).resolves.toEqual([]);
    await expect(start(parts, { memoryBytes, callbackTimeMs: false })).resolves.toEqual([]);
  });

  it('leaves a lower maximum as it is', async () => {
    const parts = { memory: '(memory (export "memory") 1 3)', body: growsTo(3) };
    await expect(start(parts, { memoryBytes: 5 * PAGE_BYTES })).resolves.toEqual([]);
  });

  it('is 256 MiB where nothing is said', async () => {
    const body = `(func (export "proxy_on_configure") (param i32 i32) (result i32)
      (i32.and (i32.eq (memory.grow (i32.const 4095)) (i32.const 1))
        (i32.eq (memory.grow (i32.const 1)) (i32.const -1))))`;
    await expect(start({ body }, {})).resolves.toEqual([]);
  });

  it('refuses a module that begins with more', async () => {
    const parts = { memory: '(memory (export "memory") 6)' };
    const refused = start(parts, { memoryBytes: 5 * PAGE_BYTES });
    await expect(refused).rejects.toMatchObject({ code: 'PW_ERR_MODULE_MEMORY_LIMIT' });
    await expect(refused).rejects.toThrow(/needs 393216 bytes .* allows 327680 bytes/);
    await expect(start(parts, { memoryBytes: 6 * PAGE_BYTES })).resolves.toEqual([]);
  });

  it('refuses a shared memory with a code of its own', async () => {
    const code = await filter({ memory: '(memory (export "memory") 1 2 shared)' });
    const host = createHost({ logger: recordLog().logger });
    await expect(host.createPlugin({ code })).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_MEMORY_SHARED',
    });
    expect((await inspectModule(code)).problems).toEqual([
      expect.stringContaining('shared with other threads'),
    ]);
  });

  it.runIf(WebAssembly.validate(OBJECTS))('refuses objects, which no limit holds', async () => {
    const { problems, loadable } = await inspectModule(OBJECTS);
    expect(loadable).toBe(false);
    expect(problems).toContainEqual(
      expect.stringContaining('makes objects of the garbage collection proposal'),
    );
  });

  it('caps tables too, which live in the app’s own memory', async () => {
    const grow = (entries: number): string => `(table $t 1 funcref)
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (i32.ne (table.grow $t (ref.null func) (i32.const ${String(entries)})) (i32.const -1)))`;
    const memoryBytes = 16 * PAGE_BYTES; // a table of 32,768 entries
    await expect(start({ body: grow(32_767) }, { memoryBytes })).resolves.toEqual([]);
    await expect(start({ body: grow(32_768) }, { memoryBytes })).rejects.toMatchObject({
      code: 'PW_ERR_CONFIGURE_REFUSED',
    });
    await expect(start({ body: '(table 32769 funcref)' }, { memoryBytes })).rejects.toMatchObject({
      code: 'PW_ERR_MODULE_MEMORY_LIMIT',
    });
  });
});

describe('recursion without end', () => {
  const bomb =
    '(func $deeper (param i32) (call $deeper (local.get 0)) (call $deeper (local.get 0)))';

  it.each([{}, { callbackTimeMs: false } as const])(
    'is a trap like others (%o)',
    async (limits) => {
      const body = `${bomb} (func (export "proxy_on_configure") (param i32 i32) (result i32)
      (call $deeper (i32.const 0)) (i32.const 1))`;
      await expect(start({ body }, limits)).rejects.toMatchObject({
        code: 'PW_ERR_CALLBACK_TRAPPED',
        callback: 'proxy_on_configure',
        message: expect.stringContaining('Maximum call stack size exceeded'),
      });
    },
  );

  it('through the allocator is one too', async () => {
    const imports =
      '(import "env" "proxy_get_property" (func $get (param i32 i32 i32 i32) (result i32)))';
    const allocator = `(func $malloc (export "malloc") (param i32) (result i32)
      (i32.add (call $malloc (local.get 0)) (i32.const 1)))`;
    const body = `(data (i32.const 8) "plugin_name")
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (drop (call $get (i32.const 8) (i32.const 11) (i32.const 64) (i32.const 68))) (i32.const 1))`;
    await expect(start({ imports, allocator, body }, {})).rejects.toMatchObject({
      code: 'PW_ERR_CALLBACK_TRAPPED',
      callback: 'malloc',
    });
  });

  it('with hostcalls at its end leaves the host whole', async () => {
    const body = `(func $deeper (param i32)
        (drop (call $log (i32.const 0) (i32.const 8) (i32.const 1))) (call $deeper (local.get 0)))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (call $deeper (i32.const 0)) (i32.const 1))`;
    await expect(start({ imports: LOG, body }, {})).rejects.toMatchObject({
      code: 'PW_ERR_CALLBACK_TRAPPED',
    });
  });

  it('that the guest catches again and again is ended by the time limit', async () => {
    const body = `(tag $t)
      (func $deeper (try (do (call $deeper)) (catch_all (call $deeper))))
      (func (export "proxy_on_configure") (param i32 i32) (result i32)
        (loop $l (try (do (call $deeper)) (catch_all)) (br $l)) (i32.const 1))`;
    await expect(start({ body }, { callbackTimeMs: 50 })).rejects.toMatchObject({
      code: expect.stringMatching(/PW_ERR_CALLBACK_(TIME|TRAPPED)/),
    });
  });
});
