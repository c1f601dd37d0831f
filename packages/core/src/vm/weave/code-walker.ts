import { CodeFacts, Target } from './code-facts.js';
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
  readonly #labels: number[] = [];
  /** Of each open loop: the offset where its size counts from. */
  readonly #starts: number[] = [];
  readonly #dispatch: Dispatch;
  /** Offset of the instruction. */
  #from = 0;
  #region = 0;
  #localCount = 0;

  constructor(bytes: Uint8Array, position: number, spaces: IndexSpaces) {
    super(bytes, position);
    this.#spaces = spaces;
    this.#dispatch = new Dispatch(bytes);
  }

  /** Walks one entry of the code section. */
  walkFunction(parameterCount: number): void {
    const entry = this.position;
    const size = this.u32();
    const end = this.position + size;
    const { facts } = this;
    facts.entry.push(entry);
    facts.locals.push(this.position);
    this.#localCount = parameterCount + this.#countLocals();
    facts.localCount.push(this.#localCount);
    facts.firstEvent.push(facts.from.length);
    facts.firstRegion.push(facts.header.length);
    this.#region = facts.header.length;
    const start = this.position;
    facts.start.push(start);
    this.#openRegion(this.#region);
    this.#walk();
    if (this.position !== end) this.fail('a function does not end where it should');
    facts.size.add(this.#region, end - start);
    facts.end.push(end);
  }

  /** Walks an expression up to and with its `end`. */
  walkExpression(): void {
    this.#region = this.facts.header.length;
    this.#openRegion(this.#region);
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
    const labels = this.#labels;
    labels.length = 0;
    labels.push(-1);
    this.#dispatch.reset();
    const { bytes } = this;
    const localCount = this.#localCount;
    while (labels.length > 0) {
      const from = this.position;
      const opcode = bytes[from] as number;
      const kind = KINDS[opcode] as number;
      // What most code consists of goes the short way.
      if (kind === Kind.PLAIN) {
        this.position = from + 1;
      } else if (kind === Kind.LOCAL && (bytes[from + 1] as number) < Math.min(localCount, 0x80)) {
        this.position = from + 2;
      } else if (kind === Kind.NUMBER && (bytes[from + 1] as number) < 0x80) {
        this.position = from + 2;
        if (bytes[from + 2] === Op.LOCAL_SET) this.#shorten(from);
      } else if (kind === Kind.MEMARG && isShortMemarg(bytes, from)) {
        this.position = from + 3;
      } else {
        this.#from = from;
        this.position = from + 1;
        this.#step(opcode, kind);
      }
    }
  }

  #step(opcode: number, kind: number): void {
    switch (kind) {
      case Kind.PLAIN:
        break;
      case Kind.LOCAL:
        this.index(this.#localCount, 'local');
        break;
      case Kind.NUMBER:
        this.skipLeb(10);
        this.#shorten(this.#from);
        break;
      case Kind.MEMARG:
        this.#memarg();
        break;
      case Kind.END:
        this.#close();
        break;
      case Kind.BLOCK:
        this.#blockType();
        this.#labels.push(-1);
        break;
      case Kind.LOOP:
        this.#openLoop();
        break;
      case Kind.BRANCH:
        this.#branch(this.u32());
        break;
      case Kind.CALL:
        this.#event(this.index(this.#spaces.functions, 'function'));
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
    const { facts } = this;
    facts.header.push(this.position);
    facts.parent.push(parent);
    facts.repeats.push(0);
    facts.size.push(0);
  }

  #openLoop(): void {
    this.#blockType();
    const region = this.facts.header.length;
    this.#openRegion(this.#region);
    this.#region = region;
    this.#labels.push(region);
    this.#starts.push(this.position);
    if (this.bytes[this.position - 1] === NO_BLOCK_TYPE && this.#dispatch.local === -1) {
      this.#dispatch.open(this.position, this.#labels.length - 1);
    }
  }

  #close(): void {
    const region = this.#labels.pop() as number;
    this.#dispatch.end(this.#labels.length);
    if (region === -1) return;
    const { size, parent } = this.facts;
    const bytes = this.position - (this.#starts.pop() as number);
    size.add(region, bytes);
    this.#region = parent.at(region);
    size.add(this.#region, -bytes);
  }

  #branch(label: number): void {
    const labels = this.#labels;
    if (label >= labels.length) this.fail(`label ${String(label)} does not exist`);
    const region = labels[labels.length - 1 - label] as number;
    if (region !== -1) this.facts.repeats.set(region, 1);
  }

  /**
   * Behind a number: if it chooses where a dispatching loop goes on, and that is further on in the
   * code, the branch to the loop becomes one to that place.
   *
   * @param from offset of the instruction that gives the number
   */
  #shorten(from: number): void {
    const { bytes, position } = this;
    const dispatch = this.#dispatch;
    if (bytes[position] !== Op.LOCAL_SET || bytes[position + 1] !== dispatch.local) return;
    if (bytes[position + 2] !== Op.BR || bytes[from] !== Op.I32_CONST) return;
    this.position = position + 3;
    const label = this.#labels.length - 1 - this.u32();
    const value = smallNumber(bytes, from + 1, position);
    const target = label === dispatch.loop && value >= 0 ? dispatch.targetOf(value) : -1;
    if (target === -1) this.position = position;
    else {
      this.facts.patchAt.push(position + 3);
      this.facts.patchLabel.push(this.#labels.length - 1 - target);
    }
  }

  #tryTable(): void {
    this.#blockType();
    for (let count = this.u32(); count > 0; count -= 1) {
      const kind = this.byte();
      if (kind > 3) this.fail('unknown kind of catch');
      if (kind < 2) this.u32();
      this.#branch(this.u32());
    }
    this.#labels.push(-1);
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
    const { facts } = this;
    facts.from.push(this.#from);
    facts.to.push(this.position);
    facts.region.push(this.#region);
    facts.target.push(target);
  }
}

/** A signed LEB128 of up to three bytes; -1 if it is negative or longer. */
function smallNumber(bytes: Uint8Array, from: number, to: number): number {
  if (to - from > 3 || ((bytes[to - 1] as number) & 0x40) !== 0) return -1;
  let value = 0;
  for (let at = to - 1; at >= from; at -= 1) value = value * 128 + ((bytes[at] as number) & 0x7f);
  return value;
}

/** Whether alignment and offset are a byte each, and no memory is named. */
function isShortMemarg(bytes: Uint8Array, from: number): boolean {
  return (bytes[from + 1] as number) < MEMORY_INDEX_FLAG && (bytes[from + 2] as number) < 0x80;
}
