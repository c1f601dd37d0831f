/**
 * What follows each opcode: enough of WebAssembly's instructions to step over them, and to know
 * those that branch, call, or work for longer than their length tells.
 */

/** What an instruction is to the weaver. */
export const Kind = {
  /** Not known: a module that has it is not woven. */
  UNKNOWN: 0,
  /** Nothing follows. */
  PLAIN: 1,
  BLOCK: 2,
  LOOP: 3,
  TRY_TABLE: 4,
  END: 5,
  /** Ends a `try`, as END does. */
  DELEGATE: 6,
  /** One label. */
  BRANCH: 7,
  BRANCH_TABLE: 8,
  CALL: 9,
  CALL_INDIRECT: 10,
  CALL_REF: 11,
  LOCAL: 12,
  GLOBAL: 13,
  TABLE: 14,
  /** Alignment, a memory's index if the alignment says so, offset. */
  MEMARG: 15,
  /** One index whose bound the engine checks alone: the weaver adds nothing of that kind. */
  INDEX: 16,
  NUMBER: 17,
  BYTES_4: 18,
  BYTES_8: 19,
  SELECT_TYPED: 20,
  HEAP_TYPE: 21,
  FUNCTION: 22,
  PREFIX_GC: 23,
  PREFIX_MISC: 24,
  PREFIX_SIMD: 25,
  PREFIX_ATOMIC: 26,
  MEMORY_GROW: 27,
} as const;

/** By opcode. */
export const KINDS = new Uint8Array(256);

function set(kind: number, first: number, last = first): void {
  KINDS.fill(kind, first, last + 1);
}

set(Kind.PLAIN, 0x00, 0x01); // unreachable, nop
set(Kind.BLOCK, 0x02);
set(Kind.LOOP, 0x03);
set(Kind.BLOCK, 0x04); // if
set(Kind.PLAIN, 0x05); // else
set(Kind.BLOCK, 0x06); // try
set(Kind.INDEX, 0x07, 0x09); // catch, throw, rethrow
set(Kind.PLAIN, 0x0a); // throw_ref
set(Kind.END, 0x0b);
set(Kind.BRANCH, 0x0c, 0x0d); // br, br_if
set(Kind.BRANCH_TABLE, 0x0e);
set(Kind.PLAIN, 0x0f); // return
set(Kind.CALL, 0x10);
set(Kind.CALL_INDIRECT, 0x11);
set(Kind.CALL, 0x12); // return_call
set(Kind.CALL_INDIRECT, 0x13); // return_call_indirect
set(Kind.CALL_REF, 0x14, 0x15); // call_ref, return_call_ref
set(Kind.DELEGATE, 0x18);
set(Kind.PLAIN, 0x19, 0x1b); // catch_all, drop, select
set(Kind.SELECT_TYPED, 0x1c);
set(Kind.TRY_TABLE, 0x1f);
set(Kind.LOCAL, 0x20, 0x22);
set(Kind.GLOBAL, 0x23, 0x24);
set(Kind.TABLE, 0x25, 0x26);
set(Kind.MEMARG, 0x28, 0x3e); // loads and stores
set(Kind.INDEX, 0x3f); // memory.size
set(Kind.MEMORY_GROW, 0x40);
set(Kind.NUMBER, 0x41, 0x42);
set(Kind.BYTES_4, 0x43);
set(Kind.BYTES_8, 0x44);
set(Kind.PLAIN, 0x45, 0xc4); // arithmetic
set(Kind.HEAP_TYPE, 0xd0); // ref.null
set(Kind.PLAIN, 0xd1); // ref.is_null
set(Kind.FUNCTION, 0xd2); // ref.func
set(Kind.PLAIN, 0xd3, 0xd4); // ref.eq, ref.as_non_null
set(Kind.BRANCH, 0xd5, 0xd6); // br_on_null, br_on_non_null
set(Kind.PREFIX_GC, 0xfb);
set(Kind.PREFIX_MISC, 0xfc);
set(Kind.PREFIX_SIMD, 0xfd);
set(Kind.PREFIX_ATOMIC, 0xfe);

/**
 * The operands of an instruction behind a prefix, one letter each: t type index, h heap type,
 * b table, i index that the engine checks alone, m memarg, l lane or reserved byte, v 16 bytes.
 * `!` means that it works for as long as an operand on the stack says, `*` that it takes memory
 * which is not the module's linear one.
 */
export type Operands = string;

/** By opcode behind 0xfb; the branches among them (24, 25) are the walker's own. */
export const GC: readonly Operands[] = [
  ...['t*', 't*', 'ti', 'ti', 'ti', 'ti'], // struct.new … struct.set
  ...['t!*', 't!*', 'ti*', 'ti!*', 'ti!*'], // array.new, new_default, new_fixed, new_data, new_elem
  ...['t', 't', 't', 't', ''], // array.get, get_s, get_u, set, len
  ...['t!', 'tt!', 'ti!', 'ti!'], // array.fill, copy, init_data, init_elem
  ...['h', 'h', 'h', 'h'], // ref.test, ref.cast
  ...['', ''], // br_on_cast, br_on_cast_fail
  ...['', '', '', '', ''], // any.convert_extern, extern.convert_any, ref.i31, i31.get
];
export const BR_ON_CAST = 24;
export const BR_ON_CAST_FAIL = 25;

/** By opcode behind 0xfc. */
export const MISC: readonly Operands[] = [
  ...['', '', '', '', '', '', '', ''], // saturating truncations
  ...['ii!', 'i', 'ii', 'i'], // memory.init, data.drop, memory.copy, memory.fill
  ...['ib!', 'i', 'bb!', 'b!', 'b', 'b!'], // table.init, elem.drop, table.copy, grow, size, fill
];
export const MEMORY_COPY = 10;
export const MEMORY_FILL = 11;

const RELAXED_SIMD_END = 0x114;

/** Of an opcode behind 0xfd; undefined: not known. */
export function simdOperands(opcode: number): Operands | undefined {
  if (opcode <= 11 || opcode === 92 || opcode === 93) return 'm';
  if (opcode <= 13) return 'v';
  if (opcode >= 21 && opcode <= 34) return 'l';
  if (opcode >= 84 && opcode <= 91) return 'ml';
  return opcode < RELAXED_SIMD_END ? '' : undefined;
}

/** Of an opcode behind 0xfe; undefined: not known. */
export function atomicOperands(opcode: number): Operands | undefined {
  if (opcode === 3) return 'l';
  return opcode <= 2 || (opcode >= 0x10 && opcode <= 0x4e) ? 'm' : undefined;
}
