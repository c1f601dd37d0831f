import { readFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';

import { readModule } from '../../src/vm/module-reader.js';
import { assemble } from '../support/wat.js';

/** A custom section to append to a module. */
function customSection(name: string, content: readonly number[]): Uint8Array {
  const body = [name.length, ...Buffer.from(name), ...content];
  return new Uint8Array([0, body.length, ...body]);
}

const string = (text: string): number[] => [text.length, ...Buffer.from(text)];

describe('readModule', () => {
  it('reads imports and exports with their types', async () => {
    const outline = readModule(
      await assemble(`(module
        (import "a" "f" (func (param i32 i64) (result f32)))
        (import "a" "t" (table 1 funcref))
        (import "a" "m" (memory 1 5))
        (import "a" "g" (global i32))
        (func $own (param f64) (result i64) (i64.const 0))
        (export "imported" (func 0))
        (export "own" (func $own))
        (export "g" (global 0)))`),
    );
    expect(
      outline.imports.map(({ module, name, kind, signature }) => [module, name, kind, signature]),
    ).toEqual([
      ['a', 'f', 'function', '(i32, i64) -> (f32)'],
      ['a', 't', 'table', undefined],
      ['a', 'm', 'memory', undefined],
      ['a', 'g', 'global', undefined],
    ]);
    expect(outline.exports).toEqual([
      { name: 'imported', kind: 'function', signature: '(i32, i64) -> (f32)' },
      { name: 'own', kind: 'function', signature: '(f64) -> (i64)' },
      { name: 'g', kind: 'global', signature: undefined },
    ]);
    expect(outline.memory).toEqual({
      minimumPages: 1,
      maximumPages: 5,
      shared: false,
      memory64: false,
    });
  });

  it('works on bytes in the middle of a buffer', async () => {
    const bytes = await assemble('(module (memory (export "memory") 3))');
    const padded = new Uint8Array(bytes.length + 20);
    padded.set(bytes, 7);
    const outline = readModule(padded.subarray(7, 7 + bytes.length));
    expect(outline.memory?.minimumPages).toBe(3);
    const imports = await assemble(
      '(module (import "a" "f" (func)) (import "a" "m" (memory i64 1)))',
    );
    padded.set(imports, 5);
    expect(readModule(padded.subarray(5, 5 + imports.length)).imports[1]?.memory?.memory64).toBe(
      true,
    );
  });

  it('tells memories apart: shared, 64-bit, imported first', async () => {
    const memoryOf = async (text: string) => readModule(await assemble(`(module ${text})`)).memory;
    expect(await memoryOf('(memory (export "memory") 1 2 shared)')).toMatchObject({ shared: true });
    expect(await memoryOf('(memory (export "memory") i64 1)')).toMatchObject({ memory64: true });
    expect(await memoryOf('(import "env" "memory" (memory i64 1 2))')).toMatchObject({
      memory64: true,
      minimumPages: 1,
      maximumPages: 2,
    });
  });

  it('takes the memory named memory, or else the first that is exported', async () => {
    const named = await assemble(
      '(module (memory 1) (export "other" (memory 0)) (export "memory" (memory 0)))',
    );
    expect(readModule(named).memory?.minimumPages).toBe(1);
    const other = await assemble('(module (memory 4) (export "other" (memory 0)))');
    expect(readModule(other).memory?.minimumPages).toBe(4);
    expect(readModule(await assemble('(module (memory 4))')).memory).toBeUndefined();
  });

  it('sees a start section', async () => {
    expect(readModule(await assemble('(module (func $f) (start $f))')).hasStartSection).toBe(true);
    expect(readModule(await assemble('(module (func $f))')).hasStartSection).toBe(false);
  });

  it('reads the toolchain from the producers section', async () => {
    const content = [
      2,
      ...string('processed-by'),
      1,
      ...string('rustc'),
      ...string('1.96.0'),
      ...string('language'),
      1,
      ...string('Rust'),
      ...string(''),
    ];
    const bytes = Buffer.concat([await assemble('(module)'), customSection('producers', content)]);
    expect(readModule(bytes).toolchain).toBe('Rust, rustc 1.96.0');
  });

  it('survives a producers section that is garbage', async () => {
    const module = await assemble('(module)');
    for (const content of [[], [255, 255, 255, 255, 15], [1, 200]]) {
      const bytes = Buffer.concat([module, customSection('producers', content)]);
      expect(() => readModule(bytes)).not.toThrow();
    }
  });

  it('reads a big module in few milliseconds: it skips code and data', async () => {
    const code = await readFile(
      new URL('../../../../examples/filters/hello/hello.wasm', import.meta.url),
    );
    const timesMs = Array.from({ length: 10 }, () => {
      const start = performance.now();
      readModule(code);
      return performance.now() - start;
    });
    // Others may have had the processor during one of them.
    expect(Math.min(...timesMs)).toBeLessThan(100);
  });
});
