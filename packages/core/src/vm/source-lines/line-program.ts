/**
 * Runs the programs of `.debug_line`, which tell for each piece of code which line it comes from.
 * @see DWARF 4, section 6.2.5; DWARF 5, section 6.2.5
 */
import type { CheckedReader } from './checked-reader.js';
import type { LineTableHeader } from './line-table-header.js';

/** Standard opcodes; those that are not here have operands that say nothing of lines. */
const Op = {
  EXTENDED: 0,
  COPY: 1,
  ADVANCE_PC: 2,
  ADVANCE_LINE: 3,
  SET_FILE: 4,
  SET_COLUMN: 5,
  CONST_ADD_PC: 8,
  FIXED_ADVANCE_PC: 9,
} as const;
const Extended = { END_SEQUENCE: 1, SET_ADDRESS: 2 } as const;

/** Where code comes from, until the next row. */
export interface Row {
  address: number;
  file: number;
  line: number;
  column: number;
}

/** Called for each piece of code, `[row.address, end)`, in the program's order. `row` is reused. */
export type OnRow = (row: Readonly<Row>, end: number) => void;

/** @param reader at the program's beginning, ending where it does */
export function runLineProgram(reader: CheckedReader, header: LineTableHeader, onRow: OnRow): void {
  new LineMachine(header, onRow).run(reader);
}

class LineMachine {
  readonly #header: LineTableHeader;
  readonly #onRow: OnRow;
  readonly #row: Row = { address: 0, file: 1, line: 1, column: 0 };
  readonly #before: Row = { address: 0, file: 1, line: 1, column: 0 };
  #hasBefore = false;
  /** The linker has dropped the code of such a sequence, and put it at 0 or at the very end. */
  #isDropped = true;

  constructor(header: LineTableHeader, onRow: OnRow) {
    this.#header = header;
    this.#onRow = onRow;
  }

  run(reader: CheckedReader): void {
    const opcodeBase = this.#header.operandCounts.length + 1;
    while (!reader.isAtEnd) {
      const opcode = reader.u8();
      if (opcode >= opcodeBase) this.#special(opcode - opcodeBase);
      else if (opcode === Op.EXTENDED) this.#extended(reader);
      else this.#standard(opcode, reader);
    }
  }

  #special(adjusted: number): void {
    const { lineBase, lineRange } = this.#header;
    this.#advance(Math.floor(adjusted / lineRange));
    this.#row.line += lineBase + (adjusted % lineRange);
    this.#emit();
  }

  #standard(opcode: number, reader: CheckedReader): void {
    const { operandCounts, lineRange } = this.#header;
    switch (opcode) {
      case Op.COPY:
        this.#emit();
        break;
      case Op.ADVANCE_PC:
        this.#advance(reader.uleb());
        break;
      case Op.ADVANCE_LINE:
        this.#row.line += reader.sleb();
        break;
      case Op.SET_FILE:
        this.#row.file = reader.uleb();
        break;
      case Op.SET_COLUMN:
        this.#row.column = reader.uleb();
        break;
      case Op.CONST_ADD_PC:
        this.#advance(Math.floor((255 - operandCounts.length - 1) / lineRange));
        break;
      case Op.FIXED_ADVANCE_PC:
        this.#row.address += reader.u16();
        break;
      default:
        for (let left = operandCounts[opcode - 1] ?? 0; left > 0; left -= 1) reader.uleb();
    }
  }

  #extended(reader: CheckedReader): void {
    const length = reader.uleb();
    const end = reader.position + length;
    if (length > 0) {
      const opcode = reader.u8();
      if (opcode === Extended.END_SEQUENCE) this.#endSequence();
      else if (opcode === Extended.SET_ADDRESS) this.#setAddress(reader.unsigned(length - 1));
    }
    reader.skip(end - reader.position);
  }

  #advance(operations: number): void {
    this.#row.address += operations * this.#header.minInstructionLength;
  }

  #setAddress(address: number): void {
    this.#isDropped = address === 0 || address >= 0xffff_fffe;
    this.#row.address = address;
  }

  /** A row ends the one before it. */
  #emit(): void {
    this.#tell();
    // Field by field: this is done for each row of a large table.
    const { address, file, line, column } = this.#row;
    const before = this.#before;
    before.address = address;
    before.file = file;
    before.line = line;
    before.column = column;
    this.#hasBefore = true;
  }

  #endSequence(): void {
    this.#tell();
    this.#hasBefore = false;
    this.#isDropped = true;
    Object.assign(this.#row, { address: 0, file: 1, line: 1, column: 0 });
  }

  #tell(): void {
    if (this.#hasBefore && !this.#isDropped) this.#onRow(this.#before, this.#row.address);
  }
}
