/**
 * Programs that jump at random: loops, blocks, tables, calls of every kind, exceptions, and the loops
 * that compilers make of code that jumps anywhere. What a program does depends on its numbers alone.
 */

/** What this engine takes beside the first version of WebAssembly. */
export interface Features {
  readonly tailCalls: boolean;
  readonly exceptions: boolean;
}

const FUNCTIONS = 4;
const MAX_DEPTH = 6;

/**
 * Each loop and function counts a global `budget` down and traps at 0, so that no program runs for
 * ever; `path` says by which way it came.
 *
 * @param seed equal programs for equal seeds
 */
export function randomProgram(seed: number, features: Features): string {
  return new Generator(seed, features).module();
}

class Generator {
  #state: number;
  readonly #features: Features;
  #mark = 0;

  constructor(seed: number, features: Features) {
    this.#state = seed >>> 0;
    this.#features = features;
  }

  module(): string {
    const functions = Array.from({ length: FUNCTIONS }, (_, index) => this.#function(index));
    return `(module (type $t (func (param i32) (result i32))) (tag $tag)
      (global $rand (mut i32) (i32.const ${String(this.#below(1 << 30))}))
      (global $path (export "path") (mut i32) (i32.const 1))
      (global $budget (export "budget") (mut i32) (i32.const 0))
      (memory 1)
      (table funcref (elem ${functions.map((_, index) => `$f${String(index)}`).join(' ')}))
      (func $next (result i32)
        (global.set $rand (i32.add (i32.mul (global.get $rand) (i32.const 1664525)) (i32.const 1013904223)))
        (i32.shr_u (global.get $rand) (i32.const 13)))
      ${functions.join('\n')}
      (export "run" (func $f0)))`;
  }

  #function(index: number): string {
    return `(func $f${String(index)} (param $n i32) (result i32) (local $chosen i32) (local $x i32)
      ${this.#step()} (block ${this.#statements(1)})
      (i32.add (local.get $x) (local.get $n)))`;
  }

  /** @param labels how many are open, but for the function's, to which nothing branches */
  #statements(labels: number): string {
    if (labels > MAX_DEPTH) return this.#note();
    return Array.from({ length: 1 + this.#below(3) }, () => this.#statement(labels)).join('\n');
  }

  #statement(labels: number): string {
    const kinds = [
      () => this.#note(),
      () => `(block ${this.#statements(labels + 1)})`,
      () => `(loop ${this.#step()} ${this.#statements(labels + 1)})`,
      () => `(loop ${this.#step()} ${this.#statements(labels + 1)} (br_if 0 ${this.#odd()}))`,
      () => `(if ${this.#odd()} (then ${this.#statements(labels + 1)}) (else ${this.#note()}))`,
      () => this.#branch(labels),
      () => this.#branchTable(labels),
      () => this.#dispatch(labels),
      () => this.#call(),
      () => this.#copying(),
      () => this.#try(labels),
    ];
    return (kinds[this.#below(kinds.length)] as () => string)();
  }

  #branch(labels: number): string {
    const label = String(this.#below(labels));
    return this.#below(4) === 0 ? `(br ${label})` : `(br_if ${label} ${this.#odd()})`;
  }

  #branchTable(labels: number): string {
    const table = Array.from({ length: 1 + this.#below(4) }, () => String(this.#below(labels)));
    return `(br_table ${table.join(' ')} (i32.and (call $next) (i32.const 7)))`;
  }

  /** As official Go has them: forward, backward, out of it, and to values that no block has. */
  #dispatch(labels: number): string {
    const blocks = 1 + this.#below(4);
    const table = Array.from({ length: blocks + this.#below(3) }, () => {
      const label = this.#below(blocks + 1);
      // Not the loop itself, in which nothing would be counted; but what is around it.
      return label === blocks ? blocks + 1 : label;
    });
    const targets = [...table, this.#below(blocks)];
    let code = `(local.get $chosen) (br_table ${targets.join(' ')})`;
    for (let open = blocks - 1; open >= 0; open -= 1) {
      // Behind the end of a block, with as many of its kind around.
      code = `(block ${code}) ${this.#step()} ${this.#jumps(open, labels + 1 + open)}`;
    }
    return `(local.set $chosen (i32.const ${String(this.#below(blocks))})) (loop ${code})`;
  }

  #jumps(loop: number, labels: number): string {
    return Array.from({ length: this.#below(3) }, () => {
      const value = String(this.#below(6) - 1);
      const isNear = this.#below(3) === 0;
      if (isNear) return this.#statements(labels);
      return `(if ${this.#odd()} (then
        (local.set $chosen (i32.const ${value})) (br ${String(loop + 1)})))`;
    }).join('\n');
  }

  #call(): string {
    const index = String(this.#below(FUNCTIONS));
    const argument = `(i32.sub (local.get $n) (i32.const ${String(this.#below(2))}))`;
    const calls = [
      `(local.set $x (call $f${index} ${argument}))`,
      `(local.set $x (call_indirect (type $t) ${argument} (i32.const ${index})))`,
      ...(this.#features.tailCalls
        ? [
            `(return_call $f${index} ${argument})`,
            `(return_call_indirect (type $t) ${argument} (i32.const ${index}))`,
          ]
        : []),
    ];
    const call = calls[this.#below(calls.length)] as string;
    return this.#below(4) === 0 ? call : `(if ${this.#odd()} (then ${call}))`;
  }

  /** A small loop that only computes, and one that copies. */
  #copying(): string {
    const count = String(1 + this.#below(40));
    return `(local.set $x (i32.const ${count}))
      (block (loop ${this.#step()}
        (i32.store8 (local.get $x) (i32.add (i32.load8_u (local.get $x)) (local.get $x)))
        (local.set $x (i32.sub (local.get $x) (i32.const 1)))
        (br_if 1 (i32.lt_s (local.get $x) (i32.const ${String(this.#below(9))})))
        (br_if 0 (i32.and (local.get $x) (i32.const ${String(this.#below(64))})))))
      (memory.copy (i32.const 64) (i32.const 0) (i32.const ${count}))`;
  }

  #try(labels: number): string {
    if (!this.#features.exceptions) return this.#note();
    const inside = this.#statements(labels + 1);
    const thrown = this.#below(2) === 0 ? '(throw $tag)' : '';
    return `(try (do ${inside} ${thrown}) (catch_all ${this.#note()} ${this.#branch(labels + 1)}))`;
  }

  #odd(): string {
    return `(i32.and (call $next) (i32.const ${String(1 + this.#below(3))}))`;
  }

  #note(): string {
    this.#mark += 1;
    return `(global.set $path (i32.add (i32.mul (global.get $path) (i32.const 31))
      (i32.add (local.get $x) (i32.const ${String(this.#mark)}))))`;
  }

  #step(): string {
    return `${this.#note()} (global.set $budget (i32.sub (global.get $budget) (i32.const 1)))
      (if (i32.eqz (global.get $budget)) (then (unreachable)))`;
  }

  #below(limit: number): number {
    // Numerical Recipes' generator; its low bits are poor.
    this.#state = (Math.imul(this.#state, 1664525) + 1013904223) >>> 0;
    return Math.floor((this.#state / 2 ** 32) * limit);
  }
}
