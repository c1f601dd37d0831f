import { beforeAll, describe, expect, it } from 'vitest';

import { WeaveError } from '../../../src/vm/weave/cursor.js';
import { weaveModule, type WovenModule } from '../../../src/vm/weave/weave-module.js';
import { assemble } from '../../support/wat.js';
import { clockOf } from './clock.js';
import {
  exampleFilters,
  largeSpecimens,
  OBJECTS,
  specimens,
  UNKNOWN,
  type Specimen,
} from './corpus.js';

const LIMITS = { time: true, memoryBytes: 64 * 1024 * 1024 };

let small: Specimen[];
let large: Specimen[];
let filters: Specimen[];

beforeAll(async () => {
  small = await specimens();
  large = await largeSpecimens();
  filters = await exampleFilters();
});

/** The answers of `run`, and how often the clock was asked. */
function run(bytes: Uint8Array<ArrayBuffer>, woven?: WovenModule): [unknown[], number] {
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  let looks = 0;
  if (woven?.time !== undefined) {
    const { clock, start } = woven.time.exports;
    (exports[clock] as WebAssembly.Table).set(
      0,
      clockOf(() => ((looks += 1), 1)),
    );
    if (start !== undefined) (exports[start] as () => void)();
  }
  const run = exports['run'] as ((n: number) => unknown) | undefined;
  const call = (n: number): unknown => {
    try {
      return run?.(n);
    } catch (error) {
      return String(error);
    }
  };
  return [[0, 1, 2, 33].map(call), looks];
}

describe('a woven module', () => {
  it('is valid where it was valid, for every kind of instruction', () => {
    for (const { name, bytes } of [...small, ...large, ...filters]) {
      const woven = weaveModule(bytes, LIMITS);
      expect([name, WebAssembly.validate(woven.bytes)]).toEqual([
        name,
        WebAssembly.validate(bytes),
      ]);
    }
  });

  it('answers what it answered before', () => {
    let compared = 0;
    for (const { name, bytes } of [...small, ...large]) {
      if (!WebAssembly.validate(bytes)) continue; // a newer Node's
      const woven = weaveModule(bytes, LIMITS);
      expect([name, run(woven.bytes, woven)[0]]).toEqual([name, run(bytes)[0]]);
      compared += 1;
    }
    expect(compared).toBeGreaterThan(8);
  });

  it('keeps imports, exports, names and all other custom sections', () => {
    for (const { bytes } of [...small, ...filters]) {
      if (!WebAssembly.validate(bytes)) continue;
      const before = new WebAssembly.Module(bytes);
      const woven = weaveModule(bytes, LIMITS);
      const after = new WebAssembly.Module(woven.bytes);
      expect(WebAssembly.Module.imports(after)).toEqual(WebAssembly.Module.imports(before));
      const exports = WebAssembly.Module.exports(before);
      const added = WebAssembly.Module.exports(after).slice(exports.length);
      expect(WebAssembly.Module.exports(after).slice(0, exports.length)).toEqual(exports);
      expect(added.every(({ name }) => name.startsWith('proxy_wasm_node:'))).toBe(true);
      for (const name of ['name', 'producers', 'target_features', '.debug_line', '.debug_info']) {
        const [section] = WebAssembly.Module.customSections(before, name);
        expect(WebAssembly.Module.customSections(after, name)[0]).toEqual(section);
      }
    }
  });

  it('drops what is about places in the code, which have moved', async () => {
    const plain = await assemble('(module (func (export "run") (loop (br 0))))');
    const name = [...Buffer.from('metadata.code.branch_hint')];
    const section = [0, name.length + 2, name.length, ...name, 0];
    const woven = weaveModule(new Uint8Array([...plain, ...section]), LIMITS);
    const module = new WebAssembly.Module(woven.bytes);
    expect(WebAssembly.Module.customSections(module, Buffer.from(name).toString())).toEqual([]);
  });

  it('has a check at each call where more calls stand together than one check can pay for', () => {
    const { bytes } = large.find(({ name }) => name.startsWith('more calls')) as Specimen;
    const before = Buffer.from(bytes).toString('hex');
    // i32.const 0  call_indirect 0, and between them: i32.const 2048  call …
    expect(before).toContain('4100110000'.repeat(8000));
    const after = Buffer.from(weaveModule(bytes, LIMITS).bytes).toString('hex');
    expect(after.match(/41801010[0-9a-f]{2}110000/g)).toHaveLength(8000);
  });

  it('has other names where the module has these itself', async () => {
    const text = `(module (func (export "proxy_wasm_node:units")) (func (export "proxy_wasm_node:clock'"))
      (func (export "proxy_wasm_node:clock")) (func (export "run") (loop (br 0))))`;
    const woven = weaveModule(await assemble(text), LIMITS);
    expect(WebAssembly.validate(woven.bytes)).toBe(true);
    expect(woven.time?.exports).toEqual({
      units: "proxy_wasm_node:units'",
      clock: "proxy_wasm_node:clock''",
      start: undefined,
    });
  });

  it('asks for time after a while, and never where there is little to do', async () => {
    const loop = (count: number): string => `(module (func (export "run") (param i32) (result i32)
      (local $n i32) (loop $l (local.set $n (i32.add (local.get $n) (i32.const 1)))
        (br_if $l (i32.lt_u (local.get $n) (i32.const ${String(count)})))) (local.get $n)))`;
    const looks = async (count: number): Promise<number> => {
      const woven = weaveModule(await assemble(loop(count)), LIMITS);
      return run(woven.bytes, woven)[1];
    };
    expect(await looks(100)).toBe(0);
    // Four calls of ten million rounds of some 20 bytes: about a look per 200,000 rounds.
    expect(await looks(10_000_000)).toBeGreaterThan(100);
    expect(await looks(10_000_000)).toBeLessThan(400);
  });

  it('keeps calls out of small loops, which the engine unrolls then', async () => {
    const loop = (inside: string): string => `(module (func $nothing) (func (export "run")
      (local $n i32) (block (loop $l ${inside} (br_if 1 (i32.eqz (local.get $n)))
        (br_if $l (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))))`;
    const code = async (inside: string): Promise<string> =>
      Buffer.from(weaveModule(await assemble(loop(inside)), LIMITS).bytes).toString('hex');
    // block (loop $refill (local.get 1) … and, behind its check, loop $l (local.get 1) …
    const outer = '0240034020014100480440';
    expect(await code('')).toContain(outer);
    expect(await code('')).toMatch(/0340200141[0-9a-f]{2}6b22014100480d01/);
    // The branch out of the loop goes one further.
    expect(await code('')).toContain('450d02');
    expect(await code('(loop (br_if 0 (local.get $n)))')).not.toContain(outer);
    expect(await code('(call $nothing)')).not.toContain(outer);
  });

  it('sends jumps of dispatching loops forward where they go forward', async () => {
    const bytes = await assemble(`(module (func (export "run") (param i32) (result i32)
      (local $next i32)
      (loop $top (block $b (block $a (br_table $a $b (local.get $next)))
          (local.set $next (i32.const 1)) (br $top))
        (local.set 0 (i32.add (local.get 0) (i32.const 5))))
      (local.get 0)))`);
    const woven = weaveModule(bytes, LIMITS);
    const [before, after] = [bytes, woven.bytes].map((each) => Buffer.from(each).toString('hex'));
    expect(before).toContain('410121010c01');
    expect(after).toContain('410121010c00');
    // Nothing goes back any more: there is no loop to be counted.
    expect(run(woven.bytes, woven)[0]).toEqual([5, 6, 7, 38]);
  });

  it('leaves cheap functions as they are', async () => {
    const bytes = await assemble(`(module
      (func $leaf (param i32) (result i32) (i32.add (local.get 0) (i32.const 1)))
      (func (export "run") (param i32) (result i32) (call $leaf (call $leaf (local.get 0)))))`);
    const [before, after] = [bytes, weaveModule(bytes, LIMITS).bytes].map((each) =>
      Buffer.from(each).toString('hex'),
    );
    // Both bodies, byte for byte.
    expect(after).toContain('070020004101');
    expect(before).toContain('070020004101');
    expect(after).toContain('0800200010001000');
  });

  it('has a function paid for by its callers, and only its loops by themselves, where it is small', async () => {
    const bytes = await assemble(`(module (global $units (mut i32) (i32.const 0))
      (func $small (param i32) (result i32) (local i32)
        (loop (local.set 1 (i32.add (local.get 1) (local.get 0)))
          (br_if 0 (local.tee 0 (i32.shr_u (local.get 0) (i32.const 1)))))
        (local.get 1))
      (func (export "run") (param i32) (result i32)
        (call $small (local.get 0)) (if (result i32) (then (call 1 (i32.const 0))) (else (i32.const 7)))))`);
    const woven = weaveModule(bytes, LIMITS);
    expect(run(woven.bytes, woven)[0]).toEqual(run(bytes)[0]);
    // global.get 1 (i32.const …): of the two only the one that calls itself, and what is added.
    const code = Buffer.from(woven.bytes).toString('hex');
    expect(code.match(/230141[0-9a-f]{2,6}6b2401/g)).toHaveLength(1);
  });

  const ring = (length: number): string =>
    Array.from({ length }, (_, index) => {
      const next = String((index + 1) % length);
      return `(func (param i32) (return_call ${next} (local.get 0)))`;
    }).join(' ');
  it.each([
    ['itself', ring(1)],
    ['each other', ring(2)],
    ['each other in a circle', ring(7)],
    ['each other in a circle too large to be gone through', ring(250)],
    // $b is met while $a is gone through, and again, known by then, while $d is.
    [
      'each other by two ways',
      `(func $a (param i32) (return_call $b (local.get 0)))
       (func $b (param i32) (if (local.get 0) (then (return_call $c (i32.const 0))))
         (return_call $d (i32.const 0)))
       (func $c (param i32) (return_call $d (local.get 0)))
       (func $d (param i32) (return_call $b (i32.const 1)))`,
    ],
  ])('ends functions without loops that call %s for ever', async (_, functions) => {
    const bytes = await assemble(`(module ${functions}
      (func (export "run") (param i32) (call 0 (local.get 0))))`);
    const { time, bytes: code } = weaveModule(bytes, LIMITS);
    const { exports } = new WebAssembly.Instance(new WebAssembly.Module(code));
    (exports[time?.exports.clock as string] as WebAssembly.Table).set(
      0,
      clockOf(() => 0),
    );
    expect(() => (exports['run'] as (n: number) => void)(1)).toThrow(/unreachable/);
  });

  it('is the very bytes where nothing is to be limited', () => {
    for (const { bytes } of filters) {
      expect(weaveModule(bytes, { time: false, memoryBytes: undefined }).bytes).toBe(bytes);
    }
  });
});

describe('a module that can not be woven', () => {
  it('is told by the instruction and its place', () => {
    const weave = (): unknown => weaveModule(UNKNOWN, LIMITS);
    expect(weave).toThrow(WeaveError);
    expect(weave).toThrow(/^unknown instruction 0xe0 at offset 0x/);
  });

  it('says whether it makes objects outside its memory', () => {
    expect(weaveModule(OBJECTS, LIMITS).allocatesObjects).toBe(true);
    for (const { bytes } of small) expect(weaveModule(bytes, LIMITS).allocatesObjects).toBe(false);
  });

  it.each([
    ['a function', '(func (export "run") (call 1))'],
    ['a global', '(func (export "run") (global.set 0 (i32.const 1000000)))'],
    ['a table', '(func (export "run") (drop (table.get 0 (i32.const 0))))'],
    ['a local', '(func (export "run") (loop (local.set 0 (i32.const 1000000)) (br 0)))'],
    ['an export', '(func) (export "units" (global 0))'],
    ['an element', '(table 1 funcref) (elem (i32.const 0) 1)'],
    ['a type', '(table 1 funcref) (func (call_indirect (type 2) (i32.const 0)))'],
  ])('because it reaches for %s that is not its own, is refused', async (_, body) => {
    // Each would be one that the weaver adds: a guest must not set its own clock.
    const bytes = await assemble(`(module ${body})`);
    expect(WebAssembly.validate(bytes)).toBe(false);
    expect(() => weaveModule(bytes, LIMITS)).toThrow(WeaveError);
  });

  it('because it is cut off, is refused wherever that is', () => {
    for (const { bytes } of small) {
      for (let length = 8; length < bytes.length; length += 1) {
        const part = bytes.slice(0, length);
        expect(isValidWoven(part)).toBe(WebAssembly.validate(part));
      }
    }
  });
});

/** Whether something valid comes of it. */
function isValidWoven(bytes: Uint8Array<ArrayBuffer>): boolean {
  try {
    return WebAssembly.validate(weaveModule(bytes, LIMITS).bytes);
  } catch (error) {
    if (error instanceof WeaveError) return false;
    throw error;
  }
}
