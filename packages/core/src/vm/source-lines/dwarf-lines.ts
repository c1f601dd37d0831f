/** Source lines from a module's own `.debug_line`, as Rust, clang and TinyGo write it. */
import { CheckedReader, MalformedError } from './checked-reader.js';
import { runLineProgram, type Row } from './line-program.js';
import {
  readFileTable,
  readHeader,
  readUnitLength,
  type LineSections,
  type LineTableHeader,
} from './line-table-header.js';
import { sourcePlace, type SourcePlace } from './source-place.js';

/** Above this, reading would hold the app for longer than the lines are worth. */
const MAX_SECTION_BYTES = 8 << 20;

/**
 * Where code comes from, for each address (an offset in the code section's content); undefined where
 * that is not known. Reads all of the section once, a unit that makes no sense aside.
 */
export function findLines(
  sections: LineSections,
  addresses: readonly number[],
): (SourcePlace | undefined)[] {
  const search = new LineSearch(sections, addresses);
  if (sections.line.length <= MAX_SECTION_BYTES && addresses.length > 0) search.run();
  return search.places;
}

/** An address whose line is wanted, and where in the list it stands. */
interface Wanted {
  readonly address: number;
  readonly index: number;
}

class LineSearch {
  readonly places: (SourcePlace | undefined)[];
  readonly #sections: LineSections;
  /** Ascending; what has been found goes. */
  readonly #wanted: Wanted[];

  constructor(sections: LineSections, addresses: readonly number[]) {
    this.#sections = sections;
    this.places = addresses.map(() => undefined);
    this.#wanted = addresses
      .map((address, index) => ({ address, index }))
      .sort((left, right) => left.address - right.address);
  }

  run(): void {
    const { line } = this.#sections;
    for (let start = 0; start < line.length && this.#wanted.length > 0;) {
      const end = ignoreMalformed(() => {
        const reader = new CheckedReader(line, start);
        const unit = readUnitLength(reader);
        ignoreMalformed(() => {
          this.#searchUnit(reader.position, unit.end, unit.is64Bit);
        });
        return unit.end;
      });
      // Without its length, nobody knows where the next one begins.
      if (end === undefined) return;
      start = end;
    }
  }

  #searchUnit(start: number, end: number, is64Bit: boolean): void {
    const { line } = this.#sections;
    const header = readHeader(new CheckedReader(line, start, end), end, is64Bit);
    if (header === undefined) return;
    const found: Found[] = [];
    try {
      runLineProgram(new CheckedReader(line, header.program, end), header, (row, rowEnd) => {
        this.#take(row, rowEnd, found);
      });
    } finally {
      if (found.length > 0) this.#keep(header, found);
    }
  }

  #take(row: Readonly<Row>, end: number, found: Found[]): void {
    const wanted = this.#wanted;
    // Most rows are about none of them.
    if (end <= row.address || end <= (wanted[0]?.address ?? Infinity)) return;
    const first = this.#firstFrom(row.address);
    for (let next = wanted[first]; next !== undefined && next.address < end; next = wanted[first]) {
      found.push({ wanted: next, row: { ...row } });
      wanted.splice(first, 1);
    }
  }

  /** Where the first address that is not below stands. */
  #firstFrom(address: number): number {
    let low = 0;
    for (let high = this.#wanted.length; low < high;) {
      const middle = (low + high) >>> 1;
      if ((this.#wanted[middle] as Wanted).address < address) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** What has no name here, another unit may know. */
  #keep(header: LineTableHeader, found: readonly Found[]): void {
    const fileOf = ignoreMalformed(() => readFileTable(this.#sections, header));
    for (const { wanted, row } of found) {
      const file = ignoreMalformed(() => fileOf?.(row.file));
      const place = sourcePlace(file ?? '', row.line, row.column);
      this.places[wanted.index] = place;
      if (place === undefined) this.#wanted.splice(this.#firstFrom(wanted.address), 0, wanted);
    }
  }
}

interface Found {
  readonly wanted: Wanted;
  readonly row: Row;
}

function ignoreMalformed<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    if (error instanceof MalformedError) return undefined;
    throw error;
  }
}
