/** What is added to a woven module: nothing that was there before gets another index. */
import { ByteWriter } from './byte-writer.js';
import { Op } from './op.js';
import { MORE_LOOP_UNITS, UNITS_PER_LOOK } from './units.js';

/** Indices of what is added. */
export interface Added {
  /** Types: `() -> i32`, `() -> ()`, `(i32) -> ()`, `(i32) -> i32`, in this order. */
  readonly type: number;
  /** A table with the host's clock in it: an imported function would shift all others. */
  readonly table: number;
  /** A mutable i32: the units that are left. */
  readonly units: number;
  /** Functions: look, charge, refill, in this order; behind them start, if there is one. */
  readonly functions: number;
  /** The function of the start section; undefined: none. */
  readonly start: number | undefined;
}

export const ADDED_TYPES = 4;

export function addedFunctions({ start }: Added): number {
  return start === undefined ? 3 : 4;
}

export function lookFunction({ functions }: Added): number {
  return functions;
}

export function chargeFunction({ functions }: Added): number {
  return functions + 1;
}

export function refillFunction({ functions }: Added): number {
  return functions + 2;
}

/** Calls the function of the start section, which itself must not become an export. */
export function startFunction({ functions }: Added): number {
  return functions + 3;
}

const I32 = 0x7f;
const FUNC = 0x60;
const FUNCREF = 0x70;
const NO_BLOCK_TYPE = 0x40;

export function writeTypes(out: ByteWriter): void {
  out.write([FUNC, 0, 1, I32]);
  out.write([FUNC, 0, 0]);
  out.write([FUNC, 1, I32, 0]);
  out.write([FUNC, 1, I32, 1, I32]);
}

/** The types of the functions, as the function section has them. */
export function writeFunctionTypes(out: ByteWriter, { type, start }: Added): void {
  for (const index of [type + 1, type + 2, type + 3]) out.u32(index);
  if (start !== undefined) out.u32(type + 1);
}

/** One entry of exactly one function. */
export function writeTable(out: ByteWriter): void {
  out.write([FUNCREF, 1, 1, 1]);
}

export function writeGlobal(out: ByteWriter): void {
  out.write([I32, 1, Op.I32_CONST]);
  out.s32(UNITS_PER_LOOK);
  out.byte(Op.END);
}

export function writeFunctions(out: ByteWriter, added: Added): void {
  writeFunction(out, (body) => {
    writeLook(body, added);
  });
  writeFunction(out, (body) => {
    writeTake(body, added);
  });
  writeFunction(out, (body) => {
    writeRefill(body, added);
  });
  const { start } = added;
  if (start === undefined) return;
  writeFunction(out, (body) => {
    body.byte(Op.CALL);
    body.u32(start);
  });
}

function writeFunction(out: ByteWriter, write: (body: ByteWriter) => void): void {
  const body = new ByteWriter();
  body.u32(0); // no locals
  write(body);
  body.byte(Op.END);
  out.u32(body.length);
  out.copy(body.view(), 0, body.length);
}

/** Asks the host whether there is time; traps if there is none, which no guest can catch. */
function writeLook(body: ByteWriter, { type, table, units }: Added): void {
  body.write([Op.I32_CONST, 0, Op.CALL_INDIRECT]);
  body.u32(type);
  body.u32(table);
  body.write([Op.I32_EQZ, Op.IF, NO_BLOCK_TYPE, Op.UNREACHABLE, Op.END, Op.I32_CONST]);
  body.s32(UNITS_PER_LOOK);
  body.byte(Op.GLOBAL_SET);
  body.u32(units);
}

/** Takes its parameter from the units. */
function writeTake(body: ByteWriter, added: Added): void {
  body.byte(Op.GLOBAL_GET);
  body.u32(added.units);
  body.write([Op.LOCAL_GET, 0, Op.I32_SUB, Op.GLOBAL_SET]);
  body.u32(added.units);
  writeLookIfSpent(body, added);
}

/** Its parameter is a loop's units, below 0; the answer is what it may use from now on. */
function writeRefill(body: ByteWriter, added: Added): void {
  body.byte(Op.GLOBAL_GET);
  body.u32(added.units);
  body.write([Op.LOCAL_GET, 0, Op.I32_ADD, Op.I32_CONST]);
  body.s32(MORE_LOOP_UNITS);
  body.write([Op.I32_SUB, Op.GLOBAL_SET]);
  body.u32(added.units);
  writeLookIfSpent(body, added);
  body.byte(Op.I32_CONST);
  body.s32(MORE_LOOP_UNITS);
}

function writeLookIfSpent(body: ByteWriter, added: Added): void {
  body.byte(Op.GLOBAL_GET);
  body.u32(added.units);
  body.write([Op.I32_CONST, 0, Op.I32_LT_S, Op.IF, NO_BLOCK_TYPE, Op.CALL]);
  body.u32(lookFunction(added));
  body.byte(Op.END);
}
