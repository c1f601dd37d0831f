/** Modules that between them have every kind of instruction and section: what is woven and mutated. */
import { readdir, readFile } from 'node:fs/promises';

import { assemble } from '../../support/wat.js';

const ROOT = new URL('../../../../../', import.meta.url);

export interface Specimen {
  readonly name: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
}

const TEXTS: Readonly<Record<string, string>> = {
  empty: '(module)',
  'control flow': `(module
    (func (export "run") (param $n i32) (result i32) (local $sum i32)
      (block $out (loop $again
        (br_if $out (i32.eqz (local.get $n)))
        (local.set $sum (i32.add (local.get $sum) (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1)))
        (block (block (block (br_table 0 1 2 (local.get $n)))))
        (br $again)))
      (if (result i32) (local.get $sum) (then (local.get $sum)) (else (i32.const 7)))))`,
  'small loops': `(module (memory 1)
    (func $search (param $n i32) (result i32) (local $at i32)
      (block $found (result i32) (block $none
        (loop $next
          (br_if $none (i32.gt_u (local.get $at) (i32.const 40)))
          (drop (br_if $found (local.get $at) (i32.eq (local.get $at) (local.get $n))))
          (local.set $at (i32.add (local.get $at) (i32.const 1)))
          (block $more (br_table $more $next $none $next (i32.and (local.get $at) (i32.const 1))))
          (br_if $next (i32.ne (local.get $at) (i32.const 33)))))
        (i32.const -1)))
    (func $count (param $n i32) (result i32)
      (loop $again (result i32)
        (local.set $n (i32.add (local.get $n) (i32.const 3)))
        (br_if $again (i32.lt_u (local.get $n) (i32.const 100)))
        (if (i32.eq (local.get $n) (i32.const 101)) (then (return (i32.const 7))))
        (local.get $n)))
    (func $leave (param $n i32)
      (loop $again (br_if 1 (i32.eqz (local.get $n)))
        (local.set $n (i32.sub (local.get $n) (i32.const 1))) (br $again)))
    (func (export "run") (param $n i32) (result i32)
      (call $leave (local.get $n))
      (i32.add (i32.mul (call $search (local.get $n)) (i32.const 1000)) (call $count (local.get $n)))))`,
  'a small loop with rare instructions': `(module
    (func (export "run") (param $n i32) (result i32) (local $sum v128)
      (block $none
        (loop $again
          (br_if $none (i32.eqz (local.get $n)))
          (local.set $sum (i32x4.add (local.get $sum) (i32x4.splat (local.get $n))))
          (local.set $n (i32.sub (local.get $n) (i32.const 1)))
          (br $again)))
      (i32x4.extract_lane 1 (local.get $sum))))`,
  'several values': `(module
    (func $swap (param i32 i64) (result i64 i32) (local.get 1) (local.get 0))
    (func (export "run") (param i32) (result i32)
      (local.get 0) (i64.const 5)
      (loop (param i32 i64) (result i64 i32) (call $swap))
      (drop) (i32.wrap_i64)))`,
  'calls of all kinds': `(module
    (type $binary (func (param i32 i32) (result i32)))
    (table 4 funcref) (elem (i32.const 0) $add $sub) (elem declare func $even)
    (func $add (type $binary) (i32.add (local.get 0) (local.get 1)))
    (func $sub (type $binary) (i32.sub (local.get 0) (local.get 1)))
    (func $even (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 1))))
      (return_call $odd (i32.sub (local.get 0) (i32.const 1))))
    (func $odd (param i32) (result i32)
      (if (i32.eqz (local.get 0)) (then (return (i32.const 0))))
      (return_call $even (i32.sub (local.get 0) (i32.const 1))))
    (func $tail (param i32) (result i32)
      (return_call_indirect (type $binary) (local.get 0) (i32.const 3) (i32.const 1)))
    (func (export "run") (param i32) (result i32) (drop (ref.func $even))
      (i32.add (call $even (local.get 0)) (i32.add (call $tail (local.get 0))
        (call_indirect (type $binary) (local.get 0) (i32.const 2) (i32.const 0))))))`,
  'memory in bulk': `(module (memory (export "memory") 2) (data "passive") (data (i32.const 8) "active")
    (table $t 2 20 funcref) (elem $e func $run)
    (func $run (export "run") (param i32) (result i32)
      (memory.fill (i32.const 100) (local.get 0) (i32.const 5000))
      (memory.copy (i32.const 70000) (i32.const 100) (i32.const 5000))
      (memory.copy (i32.const 70001) (i32.const 100) (i32.const 5))
      (memory.init 0 (i32.const 0) (i32.const 0) (i32.const 3)) (data.drop 0)
      (table.init $t $e (i32.const 0) (i32.const 0) (i32.const 1)) (elem.drop $e)
      (table.copy $t $t (i32.const 1) (i32.const 0) (i32.const 1))
      (table.fill $t (i32.const 0) (ref.null func) (i32.const 1))
      (drop (table.grow $t (ref.null func) (i32.const 2))) (drop (table.size $t))
      (table.set $t (i32.const 0) (table.get $t (i32.const 1)))
      (i32.add (i32.load8_u (i32.const 72000)) (memory.grow (i32.const 1)))))`,
  exceptions: `(module (tag $t (param i32)) (tag $u)
    (func $thrower (param i32) (if (local.get 0) (then (throw $t (local.get 0)))) (throw $u))
    (func (export "run") (param i32) (result i32)
      (loop $l
        (try (do (call $thrower (local.get 0)))
          (catch $t (local.set 0 (i32.sub (i32.const 1))) (br $l))
          (catch_all))
        (try (do (try (do (throw $u)) (delegate 0))) (catch_all)))
      (local.get 0)))`,
  numbers: `(module (global $g (mut i64) (i64.const -9223372036854775808)) (memory 1)
    (func (export "run") (param i32) (result i32) (local f32 f64 v128 i64)
      (local.set 1 (f32.const 1.5)) (local.set 2 (f64.const -2.25))
      (global.set $g (i64.const 0x7fffffffffffffff))
      (local.set 3 (i8x16.shuffle 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15
        (v128.const i32x4 1 2 3 4) (v128.load (i32.const 16))))
      (local.set 3 (i32x4.replace_lane 2 (local.get 3) (local.get 0)))
      (v128.store64_lane 1 (i32.const 32) (local.get 3))
      (local.set 3 (i16x8.mul (local.get 3) (v128.load8_splat (i32.const 3))))
      (drop (select (result i64) (i64.const 1) (i64.const 2) (i32.const 0)))
      (i32.add (i32.trunc_sat_f64_s (local.get 2))
        (i32.add (i32x4.extract_lane 2 (local.get 3)) (i32.extend8_s (local.get 0))))))`,
  atomics: `(module (memory 1)
    (func (export "run") (param i32) (result i32)
      (i32.atomic.store (i32.const 8) (local.get 0)) (atomic.fence)
      (i32.add (i32.atomic.rmw.add (i32.const 8) (i32.const 3)) (i32.atomic.load (i32.const 8)))))`,
  'a start function': `(module (global $g (mut i32) (i32.const 1)) (memory 1)
    (func $s (loop $l (global.set $g (i32.add (global.get $g) (i32.const 1)))
      (br_if $l (i32.lt_u (global.get $g) (i32.const 50)))))
    (start $s)
    (func (export "run") (param i32) (result i32) (global.get $g)))`,
};

/** Too large to be tried at every length, and changed at every place. */
const LARGE_TEXTS: Readonly<Record<string, string>> = {
  'more calls than are paid for together': `(module (memory 1)
    (table 1 funcref) (elem (i32.const 0) $nothing)
    (type $plain (func)) (func $nothing)
    (func $many (param $n i32)
      (if (i32.eqz (local.get $n)) (then (return)))
      (loop ${'(call_indirect (type $plain) (i32.const 0))'.repeat(8000)}
        (memory.fill (i32.const 0) (i32.const 7) (local.get $n))
        (br_if 0 (local.tee $n (i32.sub (local.get $n) (i32.const 1))))))
    (func (export "run") (param i32) (result i32)
      (call $many (local.get 0)) (i32.load8_u (i32.const 0))))`,
  'more loops than there is room for at first': `(module
    (func (export "run") (param $n i32) (result i32)
      ${'(loop (br_if 0 (i32.eqz (local.tee $n (i32.add (local.get $n) (i32.const 1))))))'.repeat(9000)}
      (local.get $n)))`,
};

const HEADER = [0, 0x61, 0x73, 0x6d, 1, 0, 0, 0];
const RUN = [7, 7, 1, 3, 0x72, 0x75, 0x6e, 0, 0];

/** A module with one function `run`, `(i32) -> i32`, of type 0; what wabt does not assemble. */
function binary(types: readonly number[], before: readonly number[], code: readonly number[]) {
  const body = [0, ...code, 0x0b];
  return new Uint8Array([
    ...HEADER,
    ...[1, types.length, ...types],
    ...[3, 2, 1, 0],
    ...before,
    ...RUN,
    ...[10, body.length + 2, 1, body.length, ...body],
  ]);
}

const I32_TO_I32 = [0x60, 1, 0x7f, 1, 0x7f];

const BINARIES: Readonly<Record<string, Uint8Array<ArrayBuffer>>> = {
  'exceptions with references': binary(
    [2, ...I32_TO_I32, 0x60, 0, 0],
    [13, 3, 1, 0, 1],
    // loop (block (try_table (catch_all 0) (throw 0))) (br_if 0 (local 0 -= 1) > 0) end; 5
    [
      ...[0x03, 0x40, 0x02, 0x40, 0x1f, 0x40, 1, 2, 0, 0x08, 0, 0x0b, 0x0b],
      ...[0x20, 0, 0x41, 1, 0x6b, 0x22, 0, 0x41, 0, 0x4a, 0x0d, 0, 0x0b, 0x41, 5],
    ],
  ),
  'a loop by catch': binary(
    [2, ...I32_TO_I32, 0x60, 0, 0],
    [13, 3, 1, 0, 1],
    // loop (if (local 0)) (local 0 -= 1) (try_table (catch_all 1) (throw 0)) end end; 5
    [
      ...[0x03, 0x40, 0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0x21, 0],
      ...[0x1f, 0x40, 1, 2, 1, 0x08, 0, 0x0b, 0x0b, 0x0b, 0x41, 5],
    ],
  ),
  'small integers as references': binary(
    [1, ...I32_TO_I32],
    [],
    // block (result (ref null i31)) (ref.i31 (local 0)) (br_on_non_null …): ref.test i31
    [0x20, 0, 0xfb, 28, 0xfb, 20, 0x6c],
  ),
  'a typed call': binary(
    [1, ...I32_TO_I32],
    [],
    // (if (local 0) (return (call_ref 0 (local 0 - 1) (ref.func 0)))) 9
    [...[0x20, 0, 0x04, 0x40, 0x20, 0, 0x41, 1, 0x6b, 0xd2, 0, 0x14, 0, 0x0f, 0x0b, 0x41, 9]],
  ),
  'relaxed SIMD': binary(
    [1, ...I32_TO_I32],
    [],
    // i32x4.relaxed_trunc_f32x4_s (f32x4.splat 3); extract lane 0
    [0x43, 0, 0, 0x40, 0x40, 0xfd, 19, 0xfd, 0x81, 2, 0xfd, 27, 0],
  ),
};

/** An object of the garbage collection proposal. */
export const OBJECTS = binary(
  [2, ...I32_TO_I32, 0x5f, 1, 0x7f, 1],
  [],
  [0x20, 0, 0xfb, 0, 1, 0xfb, 2, 1, 0],
);

/** An instruction of a proposal that this host does not know (`cont.new`). */
export const UNKNOWN = binary([1, ...I32_TO_I32], [], [0x20, 0, 0xe0, 0]);

export async function specimens(): Promise<Specimen[]> {
  const binaries = Object.entries(BINARIES).map(([name, bytes]) => ({ name, bytes }));
  return [...(await assembleAll(TEXTS)), ...binaries];
}

export async function largeSpecimens(): Promise<Specimen[]> {
  return assembleAll(LARGE_TEXTS);
}

async function assembleAll(texts: Readonly<Record<string, string>>): Promise<Specimen[]> {
  const named = Object.entries(texts);
  return Promise.all(named.map(async ([name, text]) => ({ name, bytes: await assemble(text) })));
}

/** The example filters, of all four SDKs. */
export async function exampleFilters(): Promise<Specimen[]> {
  const folder = new URL('examples/filters/', ROOT);
  const entries = await readdir(folder, { withFileTypes: true });
  const names = entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  return Promise.all(
    names.map(async (name) => ({
      name,
      bytes: new Uint8Array(await readFile(new URL(`${name}/${name}.wasm`, folder))),
    })),
  );
}
