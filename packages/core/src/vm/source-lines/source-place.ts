/** Where code comes from. */
export interface SourcePlace {
  /** As the compiler was given it, without control characters. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** From 1; undefined: not known. */
  readonly column: number | undefined;
}

/** What module authors write may end up in a log: one line, of a length that can be read. */
const MAX_FILE_LENGTH = 300;

/** A place out of what a module says; undefined: it makes no sense. */
export function sourcePlace(file: string, line: number, column: number): SourcePlace | undefined {
  if (file === '' || !isNumber(line)) return undefined;
  return { file: printable(file), line, column: isNumber(column) ? column : undefined };
}

/** With a mark for what would break a line, or change what stands around it. */
export function printable(text: string): string {
  const clean = text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, '\u{fffd}');
  return clean.length > MAX_FILE_LENGTH ? `…${clean.slice(-MAX_FILE_LENGTH)}` : clean;
}

function isNumber(value: number): boolean {
  return Number.isInteger(value) && value > 0 && value <= 0x7fff_ffff;
}
