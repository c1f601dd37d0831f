/**
 * The head of one unit of `.debug_line`: how its program is encoded, and the files it names.
 * @see DWARF 4, section 6.2.4; DWARF 5, section 6.2.4
 */
import { CheckedReader, MalformedError } from './checked-reader.js';

/** The sections that a line table refers to; empty where the module has none. */
export interface LineSections {
  readonly line: Uint8Array;
  readonly lineStrings: Uint8Array;
  readonly strings: Uint8Array;
}

export interface LineTableHeader {
  readonly version: number;
  readonly is64Bit: boolean;
  readonly minInstructionLength: number;
  readonly lineBase: number;
  readonly lineRange: number;
  /** Operands of each standard opcode; the first one is that of opcode 1. */
  readonly operandCounts: readonly number[];
  /** Offset of the tables of folders and files. */
  readonly tables: number;
  /** Offset of the program; its end is the unit's. */
  readonly program: number;
  readonly end: number;
}

const ESCAPE_64_BIT = 0xffff_ffff;
const FIRST_VERSION = 2;
const LAST_VERSION = 5;

/** Where a unit ends that begins here, and whether its offsets have 64 bits. */
export function readUnitLength(reader: CheckedReader): { end: number; is64Bit: boolean } {
  let length = reader.u32();
  const is64Bit = length === ESCAPE_64_BIT;
  if (is64Bit) length = reader.u64();
  const end = reader.position + length;
  if (length > reader.left) throw new MalformedError('a unit that is longer than its section');
  return { end, is64Bit };
}

/** @param reader behind the unit's length */
export function readHeader(
  reader: CheckedReader,
  end: number,
  is64Bit: boolean,
): LineTableHeader | undefined {
  const version = reader.u16();
  if (version < FIRST_VERSION || version > LAST_VERSION) return undefined;
  if (version >= 5) reader.skip(2);
  const headerLength = is64Bit ? reader.u64() : reader.u32();
  const program = reader.position + headerLength;
  if (program > end) throw new MalformedError('a header that is longer than its unit');
  const minInstructionLength = reader.u8();
  // The most operations of an instruction, and whether lines are statements at first.
  reader.skip(version >= 4 ? 2 : 1);
  const lineBase = reader.s8();
  const lineRange = reader.u8();
  const opcodeBase = reader.u8();
  if (lineRange === 0 || opcodeBase === 0) throw new MalformedError('a line range of nothing');
  const operandCounts = Array.from({ length: opcodeBase - 1 }, () => reader.u8());
  return {
    ...{ version, is64Bit, minInstructionLength, lineBase, lineRange, operandCounts },
    ...{ tables: reader.position, program, end },
  };
}

/** Answers the path of a file, by its number, as the compiler was given it; undefined: there is none. */
export type FileTable = (file: number) => string | undefined;

/** Reads which files a unit names. */
export function readFileTable(sections: LineSections, header: LineTableHeader): FileTable {
  const reader = new CheckedReader(sections.line, header.tables, header.program);
  return header.version >= 5 ? fileTable5(reader, sections, header) : fileTable4(reader);
}

/** Files are counted from 1; so are folders, and 0 is where the compiler ran. */
function fileTable4(reader: CheckedReader): FileTable {
  const folders: string[] = [];
  for (let folder = reader.string(); folder !== ''; folder = reader.string()) folders.push(folder);
  const files: { name: string; folder: number }[] = [];
  for (let name = reader.string(); name !== ''; name = reader.string()) {
    files.push({ name, folder: reader.uleb() });
    // When it was changed, and its size.
    reader.uleb();
    reader.uleb();
  }
  return (file) => {
    const entry = files[file - 1];
    return entry && join(folders[entry.folder - 1], entry.name);
  };
}

/** What an entry of a table holds. */
const Content = { PATH: 1, DIRECTORY_INDEX: 2 } as const;

interface Entry {
  readonly path: Text | undefined;
  readonly folder: number;
}

/** Files are counted from 0; so are folders, and the first is where the compiler ran. */
function fileTable5(
  reader: CheckedReader,
  sections: LineSections,
  header: LineTableHeader,
): FileTable {
  const folders = readEntries(reader, sections, header);
  const files = readEntries(reader, sections, header);
  return (file) => {
    const entry = files[file];
    if (entry === undefined) return undefined;
    const folder = entry.folder === 0 ? undefined : folders[entry.folder];
    return join(readText(folder?.path) ?? '', readText(entry.path) ?? '');
  };
}

function readEntries(
  reader: CheckedReader,
  sections: LineSections,
  header: LineTableHeader,
): Entry[] {
  const formats = Array.from(
    { length: reader.u8() },
    () => [reader.uleb(), reader.uleb()] as const,
  );
  const count = reader.uleb();
  // Each value takes a byte or more, so this ends when the bytes do.
  if (count > 0 && formats.length === 0) throw new MalformedError('entries of nothing');
  const entries: Entry[] = [];
  for (let index = 0; index < count; index += 1) {
    let path: Text | undefined;
    let folder = 0;
    for (const [content, form] of formats) {
      const value = readForm(reader, sections, header, form);
      if (typeof value === 'number') folder = content === Content.DIRECTORY_INDEX ? value : folder;
      else if (content === Content.PATH) path = value;
    }
    entries.push({ path, folder });
  }
  return entries;
}

/** Where a text stands. Many entries may name one, so it is read only when it is wanted. */
interface Text {
  readonly section: Uint8Array;
  readonly at: number;
}

/** The longest path that is worth reading. */
const MAX_TEXT_BYTES = 4096;

function readText(text: Text | undefined): string | undefined {
  if (text === undefined) return undefined;
  const { section, at } = text;
  return new CheckedReader(section, at, Math.min(section.length, at + MAX_TEXT_BYTES)).string();
}

/** The forms that entries may have. */
const Form = {
  DATA2: 0x05,
  DATA4: 0x06,
  DATA8: 0x07,
  STRING: 0x08,
  BLOCK: 0x09,
  DATA1: 0x0b,
  STRP: 0x0e,
  UDATA: 0x0f,
  DATA16: 0x1e,
  LINE_STRP: 0x1f,
} as const;

function readForm(
  reader: CheckedReader,
  sections: LineSections,
  { is64Bit }: LineTableHeader,
  form: number,
): Text | number {
  const offset = (): number => (is64Bit ? reader.u64() : reader.u32());
  switch (form) {
    case Form.STRING: {
      const at = reader.position;
      reader.string();
      return { section: sections.line, at };
    }
    case Form.LINE_STRP:
      return { section: sections.lineStrings, at: offset() };
    case Form.STRP:
      return { section: sections.strings, at: offset() };
    case Form.UDATA:
      return reader.uleb();
    case Form.DATA1:
      return reader.u8();
    case Form.DATA2:
      return reader.u16();
    case Form.DATA4:
      return reader.u32();
    case Form.DATA8:
      return reader.u64();
    case Form.DATA16:
      reader.skip(16);
      return 0;
    case Form.BLOCK:
      reader.skip(reader.uleb());
      return 0;
    default:
      throw new MalformedError(`a form ${String(form)}`);
  }
}

function join(folder: string | undefined, name: string): string {
  if (folder === undefined || folder === '' || /^(?:\/|[a-z]:[\\/])/i.test(name)) return name;
  return `${folder.replace(/[\\/]$/, '')}/${name}`;
}
