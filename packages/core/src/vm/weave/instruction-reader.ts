import { Note } from './code-facts.js';
import { Cursor } from './cursor.js';
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

/** How many of each a module has: what an index in its code may be. */
export interface IndexSpaces {
  readonly types: number;
  readonly functions: number;
  readonly tables: number;
  readonly globals: number;
}

const MEMORY_INDEX_FLAG = 0x40;

/**
 * Steps over instructions, and tells those who extend it of blocks, branches and events. Every index
 * that could mean something which the weaver adds is checked: a guest must not reach the counter of
 * its own time.
 */
export abstract class InstructionReader extends Cursor {
  /** Whether something takes memory that no limit of ours can hold (objects of the GC proposal). */
  allocatesObjects = false;
  protected readonly spaces: IndexSpaces;
  /** Offset of the instruction. */
  protected from = 0;

  constructor(bytes: Uint8Array, position: number, spaces: IndexSpaces) {
    super(bytes, position);
    this.spaces = spaces;
  }

  /** How many locals there are. */
  protected abstract get localCount(): number;
  /** A block begins, whose code is here. */
  protected abstract open(isLoop: boolean): void;
  /** The innermost block has ended here. */
  protected abstract close(): void;
  /** @param label 0: the innermost one */
  protected abstract branch(label: number): void;
  /** @param target index of a function, or a {@link Note} */
  protected abstract event(target: number): void;

  /** Steps over the next instruction. */
  protected step(): void {
    this.from = this.position;
    const opcode = this.bytes[this.from] as number;
    this.position += 1;
    this.#step(opcode, KINDS[opcode] as number);
  }

  #step(opcode: number, kind: number): void {
    switch (kind) {
      case Kind.PLAIN:
        break;
      case Kind.LOCAL:
        this.index(this.localCount, 'local');
        break;
      case Kind.GLOBAL:
        this.index(this.spaces.globals, 'global');
        break;
      case Kind.NUMBER:
        this.skipLeb(10);
        break;
      case Kind.MEMARG:
        this.#memarg();
        break;
      case Kind.BLOCK:
      case Kind.LOOP:
        this.#blockType();
        this.open(kind === Kind.LOOP);
        break;
      case Kind.END:
        this.close();
        break;
      case Kind.BRANCH:
        this.branch(this.u32());
        break;
      case Kind.BRANCH_TABLE:
        for (let count = this.u32() + 1; count > 0; count -= 1) this.branch(this.u32());
        break;
      case Kind.CALL:
        this.event(this.index(this.spaces.functions, 'function'));
        break;
      default:
        this.#stepRarer(opcode, kind);
    }
  }

  #stepRarer(opcode: number, kind: number): void {
    const { types, tables, functions } = this.spaces;
    switch (kind) {
      case Kind.CALL_INDIRECT:
        this.index(types, 'type');
        this.index(tables, 'table');
        this.event(Note.INDIRECT);
        break;
      case Kind.CALL_REF:
        this.index(types, 'type');
        this.event(Note.INDIRECT);
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
    const { types } = this.spaces;
    switch (kind) {
      case Kind.TRY_TABLE:
        this.#tryTable();
        break;
      case Kind.DELEGATE:
        this.u32();
        this.close();
        break;
      case Kind.MEMORY_GROW:
        this.u32();
        this.event(Note.LONG);
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
    else if (byte > 0x40 && byte < 0x80) this.skipValueType(this.spaces.types);
    else this.typeIndex(this.spaces.types);
  }

  #tryTable(): void {
    this.#blockType();
    for (let count = this.u32(); count > 0; count -= 1) {
      const kind = this.byte();
      if (kind > 3) this.fail('unknown kind of catch');
      if (kind < 2) this.u32();
      this.branch(this.u32());
    }
    this.open(false);
  }

  #memarg(): void {
    if ((this.u32() & MEMORY_INDEX_FLAG) !== 0) this.u32();
    this.skipLeb(10);
  }

  #misc(opcode: number): void {
    this.#operands(MISC[opcode]);
    if (opcode === MEMORY_COPY || opcode === MEMORY_FILL) this.event(Note.BULK);
  }

  #gc(opcode: number): void {
    if (opcode !== BR_ON_CAST && opcode !== BR_ON_CAST_FAIL) {
      this.#operands(GC[opcode]);
      return;
    }
    this.byte();
    this.branch(this.u32());
    this.skipHeapType(this.spaces.types);
    this.skipHeapType(this.spaces.types);
  }

  #operands(operands: Operands | undefined): void {
    if (operands === undefined) this.fail('unknown instruction');
    for (const operand of operands) this.#operand(operand);
  }

  #operand(operand: string): void {
    const { types, tables } = this.spaces;
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
        this.event(Note.LONG);
        break;
      default:
        this.allocatesObjects = true;
    }
  }
}
