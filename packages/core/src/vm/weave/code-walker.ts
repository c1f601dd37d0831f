import {
  CodeFacts,
  EventRow,
  FunctionRow,
  HAS_BULK,
  HAS_LONG,
  PatchRow,
  RegionRow,
  Target,
} from './code-facts.js';
import { Cursor } from './cursor.js';
import { Dispatch } from './dispatch.js';
import {
  atomicOperands,
  BR_ON_CAST,
  BR_ON_CAST_FAIL,
  GC,
  Kind,
  KINDS,
  MEMORY_COPY,
  MEMORY_FILL,
  MISC,
  simdOperands,
  type Operands,
} from './instructions.js';
import { Op } from './op.js';

/** How many of each a module has: what an index in its code may be. */
export interface IndexSpaces {
  readonly types: number;
  readonly functions: number;
  readonly tables: number;
  readonly globals: number;
}

const NO_BLOCK_TYPE = 0x40;
const { LOCAL_SET, BR } = Op;
const MEMORY_INDEX_FLAG = 0x40;
/** V8 takes no more in one function. */
const MAX_LOCALS = 50_000;

/**
 * Steps over code and notes what the weaver must know. Every index that could mean something which
 * the weaver adds is checked: a guest must not reach the counter of its own time.
 */
export class CodeWalker extends Cursor {
  readonly facts = new CodeFacts();
  readonly #spaces: IndexSpaces;
  /** Of each open block: its region if it is a loop, else -1. */
  #labels = new Int32Array(256);
  /** How many blocks are open. */
  #depth = 0;
  readonly #dispatch: Dispatch;
  /** Offset of the instruction. */
  #from = 0;
  /** The row of the function. */
  #function = 0;
  #region = 0;
  #localCount = 0;

  constructor(bytes: Uint8Array, position: number, spaces: IndexSpaces) {
    super(bytes, position);
    this.#spaces = spaces;
    this.#dispatch = new Dispatch(bytes);
  }

  /** Walks one entry of the code section. */
  walkFunction(parameterCount: number): void {
    const { functions, regions, events } = this.facts;
    const entry = this.position;
    const size = this.u32();
    const locals = this.position;
    const end = locals + size;
    this.#localCount = parameterCount + this.#countLocals();
    this.#function = functions.add();
    const row = this.#function;
    const { values } = functions;
    values[row + FunctionRow.ENTRY] = entry;
    values[row + FunctionRow.LOCALS] = locals;
    values[row + FunctionRow.LOCAL_COUNT] = this.#localCount;
    values[row + FunctionRow.START] = this.position;
    values[row + FunctionRow.END] = end;
    values[row + FunctionRow.FIRST_REGION] = regions.count;
    values[row + FunctionRow.FIRST_EVENT] = events.count;
    this.#walk();
    if (this.position !== end) this.fail('a function does not end where it should');
  }

  /** Walks an expression up to and with its `end`. */
  walkExpression(): void {
    this.#localCount = 0;
    this.#walk();
  }

  #countLocals(): number {
    let count = 0;
    for (let groups = this.u32(); groups > 0; groups -= 1) {
      count += this.u32();
      if (count > MAX_LOCALS) this.fail('a function has too many locals');
      this.skipValueType(this.#spaces.types);
    }
    return count;
  }

  #walk(): void {
    const start = this.position;
    const region = this.facts.regions.count;
    this.#openRegion(region);
    this.#region = region;
    this.#labels[0] = -1;
    this.#depth = 1;
    this.#dispatch.reset();
    while (this.#depth > 0) {
      this.#pass();
      const opcode = this.bytes[this.position] as number;
      this.#from = this.position;
      this.position += 1;
      this.#step(opcode, KINDS[opcode] as number);
    }
    this.#addSize(region, this.position - start);
  }

  /**
   * Passes what most code consists of, up to what has to be looked at closer. It does by hand what
   * {@link #step} does with names: a large module is walked before the engine has optimized either,
   * and this decides how long that takes.
   */
  #pass(): void {
    const { bytes } = this;
    const labels = this.#labels;
    const kinds = KINDS;
    const dispatch = this.#dispatch;
    const { PLAIN, LOCAL, NUMBER, MEMARG, END, BLOCK, GLOBAL, BRANCH } = Kind;
    const locals = Math.min(this.#localCount, 0x80);
    const globals = Math.min(this.#spaces.globals, 0x80);
    const dispatchLocal = dispatch.local;
    let depth = this.#depth;
    let at = this.position;
    for (;;) {
      const kind = kinds[bytes[at] as number];
      if (kind === LOCAL) {
        if ((bytes[at + 1] as number) >= locals) break;
        at += 2;
      } else if (kind === PLAIN) {
        at += 1;
      } else if (kind === NUMBER) {
        const from = at;
        do at += 1;
        while ((bytes[at] as number) >= 0x80);
        at += 1;
        if (bytes[at + 1] !== dispatchLocal || bytes[at] !== LOCAL_SET || bytes[at + 2] !== BR) {
          continue;
        }
        at = this.#shorten(from, at, depth);
      } else if (kind === MEMARG) {
        if ((bytes[at + 1] as number) >= MEMORY_INDEX_FLAG) break;
        do at += 1;
        while ((bytes[at + 1] as number) >= 0x80);
        at += 2;
      } else if (kind === END) {
        depth -= 1;
        if (labels[depth] !== -1 || depth < dispatch.blocksEnd || depth === 0) {
          depth += 1;
          break;
        }
        at += 1;
      } else if (kind === BLOCK) {
        if (bytes[at + 1] !== NO_BLOCK_TYPE || depth === labels.length) break;
        labels[depth] = -1;
        depth += 1;
        at += 2;
      } else if (kind === GLOBAL) {
        if ((bytes[at + 1] as number) >= globals) break;
        at += 2;
      } else if (kind === BRANCH) {
        const label = bytes[at + 1] as number;
        if (label >= depth || label >= 0x80 || labels[depth - 1 - label] !== -1) break;
        at += 2;
      } else break;
    }
    this.#depth = depth;
    this.position = at;
  }

  #step(opcode: number, kind: number): void {
    switch (kind) {
      case Kind.PLAIN:
        break;
      case Kind.CALL:
        this.#event(this.index(this.#spaces.functions, 'function'));
        break;
      case Kind.END:
        this.#close();
        break;
      case Kind.LOOP:
        this.#openLoop();
        break;
      case Kind.BRANCH:
        this.#branch(this.u32());
        break;
      case Kind.BLOCK:
        this.#blockType();
        this.#push(-1);
        break;
      case Kind.LOCAL:
        this.index(this.#localCount, 'local');
        break;
      case Kind.NUMBER:
        this.skipLeb(10);
        break;
      case Kind.MEMARG:
        this.#memarg();
        break;
      case Kind.GLOBAL:
        this.index(this.#spaces.globals, 'global');
        break;
      default:
        this.#stepRarer(opcode, kind);
    }
  }

  #stepRarer(opcode: number, kind: number): void {
    const { types, tables, functions } = this.#spaces;
    switch (kind) {
      case Kind.CALL_INDIRECT:
        this.index(types, 'type');
        this.index(tables, 'table');
        this.#event(Target.INDIRECT);
        break;
      case Kind.CALL_REF:
        this.index(types, 'type');
        this.#event(Target.INDIRECT);
        break;
      case Kind.BRANCH_TABLE:
        for (let count = this.u32() + 1; count > 0; count -= 1) this.#branch(this.u32());
        break;
      case Kind.PREFIX_MISC:
        this.#misc(this.u32());
        break;
      case Kind.PREFIX_SIMD:
        this.#operands(simdOperands(this.u32()));
        break;
      case Kind.PREFIX_ATOMIC:
        this.#operands(atomicOperands(this.u32()));
        break;
      case Kind.PREFIX_GC:
        this.#gc(this.u32());
        break;
      case Kind.TABLE:
        this.index(tables, 'table');
        break;
      case Kind.FUNCTION:
        this.index(functions, 'function');
        break;
      case Kind.INDEX:
        this.u32();
        break;
      case Kind.BYTES_4:
        this.skip(4);
        break;
      case Kind.BYTES_8:
        this.skip(8);
        break;
      default:
        this.#stepRarest(opcode, kind);
    }
  }

  #stepRarest(opcode: number, kind: number): void {
    const { types } = this.#spaces;
    switch (kind) {
      case Kind.TRY_TABLE:
        this.#tryTable();
        break;
      case Kind.DELEGATE:
        this.u32();
        this.#close();
        break;
      case Kind.MEMORY_GROW:
        this.u32();
        this.#event(Target.LONG);
        break;
      case Kind.SELECT_TYPED:
        for (let count = this.u32(); count > 0; count -= 1) this.skipValueType(types);
        break;
      case Kind.HEAP_TYPE:
        this.skipHeapType(types);
        break;
      default:
        this.position -= 1;
        if (this.position >= this.bytes.length) this.fail('the module ends too early');
        this.fail(`unknown instruction 0x${opcode.toString(16)}`);
    }
  }

  #blockType(): void {
    const byte = this.bytes[this.position] as number;
    if (byte === 0x40) this.position += 1;
    else if (byte > 0x40 && byte < 0x80) this.skipValueType(this.#spaces.types);
    else this.typeIndex(this.#spaces.types);
  }

  #openRegion(parent: number): void {
    const { regions } = this.facts;
    const row = regions.add();
    regions.values[row + RegionRow.HEADER] = this.position;
    regions.values[row + RegionRow.PARENT] = parent;
  }

  #addSize(region: number, bytes: number): void {
    const { values } = this.facts.regions;
    const at = region * RegionRow.WIDTH + RegionRow.SIZE;
    values[at] = (values[at] as number) + bytes;
  }

  #openLoop(): void {
    this.#blockType();
    const region = this.facts.regions.count;
    this.#openRegion(this.#region);
    this.#region = region;
    this.#push(region);
    const isPlain = this.bytes[this.position - 1] === NO_BLOCK_TYPE;
    if (isPlain && !this.#dispatch.isOpen) this.#dispatch.open(this.position, this.#depth - 1);
  }

  #push(region: number): void {
    if (this.#depth === this.#labels.length) {
      const larger = new Int32Array(this.#depth * 2);
      larger.set(this.#labels);
      this.#labels = larger;
    }
    this.#labels[this.#depth] = region;
    this.#depth += 1;
  }

  #close(): void {
    this.#depth -= 1;
    const region = this.#labels[this.#depth] as number;
    this.#dispatch.end(this.#depth);
    if (region === -1) return;
    const { values } = this.facts.regions;
    const row = region * RegionRow.WIDTH;
    const bytes = this.position - (values[row + RegionRow.HEADER] as number);
    this.#region = values[row + RegionRow.PARENT] as number;
    this.#addSize(region, bytes);
    this.#addSize(this.#region, -bytes);
  }

  #branch(label: number): void {
    if (label >= this.#depth) this.fail(`label ${String(label)} does not exist`);
    const region = this.#labels[this.#depth - 1 - label] as number;
    if (region === -1) return;
    this.facts.regions.values[region * RegionRow.WIDTH + RegionRow.REPEATS] = 1;
  }

  /**
   * At a number that chooses where the dispatching loop goes on, before a branch: if that is to the
   * loop, and the place further on in the code, the branch becomes one to that place.
   *
   * @param from offset of the instruction that gives the number
   * @param at offset of the one that keeps it
   * @returns offset of what is to be passed next
   */
  #shorten(from: number, at: number, depth: number): number {
    const { bytes } = this;
    const value = bytes[from] === Op.I32_CONST ? smallNumber(bytes, from + 1, at) : -1;
    let label = bytes[at + 3] as number;
    let end = at + 4;
    if (label >= 0x80) {
      label += ((bytes[end] as number) - 1) * 0x80;
      end += 1;
    }
    if (value < 0 || depth - 1 - label !== this.#dispatch.loop) return at;
    const target = this.#dispatch.targetOf(value);
    if (target === -1) return at;
    const { patches } = this.facts;
    const row = patches.add();
    patches.values[row + PatchRow.OFFSET] = at + 3;
    patches.values[row + PatchRow.LABEL] = depth - 1 - target;
    return end;
  }

  #tryTable(): void {
    this.#blockType();
    for (let count = this.u32(); count > 0; count -= 1) {
      const kind = this.byte();
      if (kind > 3) this.fail('unknown kind of catch');
      if (kind < 2) this.u32();
      this.#branch(this.u32());
    }
    this.#push(-1);
  }

  #memarg(): void {
    if ((this.u32() & MEMORY_INDEX_FLAG) !== 0) this.u32();
    this.skipLeb(10);
  }

  #misc(opcode: number): void {
    this.#operands(MISC[opcode]);
    if (opcode === MEMORY_COPY || opcode === MEMORY_FILL) this.#event(Target.BULK);
  }

  #gc(opcode: number): void {
    if (opcode !== BR_ON_CAST && opcode !== BR_ON_CAST_FAIL) {
      this.#operands(GC[opcode]);
      return;
    }
    this.byte();
    this.#branch(this.u32());
    this.skipHeapType(this.#spaces.types);
    this.skipHeapType(this.#spaces.types);
  }

  #operands(operands: Operands | undefined): void {
    if (operands === undefined) this.fail('unknown instruction');
    for (const operand of operands) this.#operand(operand);
  }

  #operand(operand: string): void {
    const { types, tables } = this.#spaces;
    switch (operand) {
      case 't':
        this.index(types, 'type');
        break;
      case 'h':
        this.skipHeapType(types);
        break;
      case 'b':
        this.index(tables, 'table');
        break;
      case 'i':
        this.u32();
        break;
      case 'm':
        this.#memarg();
        break;
      case 'l':
        this.byte();
        break;
      case 'v':
        this.skip(16);
        break;
      case '!':
        this.#event(Target.LONG);
        break;
      default:
        this.facts.allocatesObjects = true;
    }
  }

  /** The instruction that was just read is one that the weaver must know of. */
  #event(target: number): void {
    const { events, functions } = this.facts;
    const row = events.add();
    const { values } = events;
    values[row + EventRow.FROM] = this.#from;
    values[row + EventRow.TO] = this.position;
    values[row + EventRow.REGION] = this.#region;
    values[row + EventRow.TARGET] = target;
    if (target >= Target.INDIRECT) return;
    const special = this.#function + FunctionRow.SPECIAL;
    const bit = target === Target.BULK ? HAS_BULK : HAS_LONG;
    functions.values[special] = (functions.values[special] as number) | bit;
  }
}

/** A signed LEB128 of up to three bytes; -1 if it is negative or longer. */
function smallNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > 3 || ((bytes[to - 1] as number) & 0x40) !== 0) return -1;
  let value = 0;
  for (let at = to - 1; at >= from; at -= 1) value = value * 128 + ((bytes[at] as number) & 0x7f);
  return value;
}
