/**
 * Where a module's code comes from, for what a trap tells. A module that says nothing of it costs
 * nothing; one that does is read when the first trap asks.
 */
import type { LineSections } from './line-table-header.js';
import type { FindPlace } from './source-map.js';
import type { SourcePlace } from './source-place.js';

/** Answers where code comes from, for offsets in the module as it came. */
export type SourceLines = (offsets: readonly number[]) => (SourcePlace | undefined)[];

/** What is known of a module when it is compiled. */
export interface DebugSections {
  /** Names of its custom sections. */
  readonly names: readonly string[];
  /** Offset of what its code section holds, in the module as it came; undefined: it has none. */
  readonly codeStart: number | undefined;
  /** What a custom section holds. */
  readonly read: (name: string) => Uint8Array;
}

/**
 * Never rejects. undefined: the module does not say where its code comes from.
 *
 * @param path of the module's file; undefined: it came from elsewhere
 */
export async function openSourceLines(
  sections: DebugSections,
  path: string | undefined,
): Promise<SourceLines | undefined> {
  const readers = await Promise.all([openDwarf(sections), openMap(sections, path)]);
  const finders = readers.filter((reader) => reader !== undefined);
  return finders.length === 0 ? undefined : remember(finders);
}

async function openDwarf({
  names,
  codeStart,
  read,
}: DebugSections): Promise<SourceLines | undefined> {
  if (codeStart === undefined || !names.includes('.debug_line')) return undefined;
  const { findLines } = await import('./dwarf-lines.js');
  return (offsets) => {
    // Copies of the engine's, which go with this search; texts only where the lines are in DWARF 5.
    let lineStrings: Uint8Array | undefined;
    let strings: Uint8Array | undefined;
    const sections: LineSections = {
      line: read('.debug_line'),
      get lineStrings() {
        return (lineStrings ??= read('.debug_line_str'));
      },
      get strings() {
        return (strings ??= read('.debug_str'));
      },
    };
    const addresses = offsets.map((offset) => offset - codeStart);
    return findLines(sections, addresses);
  };
}

async function openMap(
  { names, read }: DebugSections,
  path: string | undefined,
): Promise<SourceLines | undefined> {
  if (!names.includes('sourceMappingURL')) return undefined;
  const { createMapReader, readMapUrl, readSourceMap } = await import('./source-map.js');
  const url = readMapUrl(read('sourceMappingURL'));
  const bytes = url && (await readSourceMap(url, path));
  if (bytes === undefined || bytes === '') return undefined;
  const find: FindPlace = await createMapReader(bytes);
  return (offsets) => offsets.map(find);
}

/** Traps that come again ask for the same places. */
const MAX_REMEMBERED = 4096;

function remember(finders: readonly SourceLines[]): SourceLines {
  const known = new Map<number, SourcePlace | undefined>();
  return (offsets) => {
    if (known.size + offsets.length > MAX_REMEMBERED) known.clear();
    const unknown = [...new Set(offsets)].filter((offset) => !known.has(offset));
    if (unknown.length > 0) {
      const answers = finders.map((find) => find(unknown));
      unknown.forEach((offset, index) => {
        known.set(
          offset,
          answers.map((places) => places[index]).find((place) => place !== undefined),
        );
      });
    }
    return offsets.map((offset) => known.get(offset));
  };
}
