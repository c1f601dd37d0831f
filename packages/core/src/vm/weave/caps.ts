/** Gives memories and tables a maximum that the options allow. */
import type { ByteWriter } from './byte-writer.js';

/** What a module declares of a memory or table, and where. */
export interface DeclaredLimits {
  readonly of: 'memory' | 'table';
  /** Offset of the flags, with which it begins. */
  readonly start: number;
  readonly end: number;
  readonly flags: number;
  readonly minimum: number;
  /** undefined: none. */
  readonly maximum: number | undefined;
}

/** The most that one memory, and one table, may come to. */
export interface Caps {
  readonly memoryPages: number;
  readonly tableEntries: number;
}

export const MAXIMUM_FLAG = 1;

const PAGE_BYTES = 65_536;
/** The most that an address of 32 bits reaches. */
const MAX_PAGES = 65_536;
/** V8 makes no larger ones. */
const MAX_TABLE_ENTRIES = 10_000_000;
/** About what an entry costs the engine. */
const TABLE_ENTRY_BYTES = 32;

/** @param limits all that the module declares; its memories share what there is, and its tables */
export function capsOf(memoryBytes: number, limits: readonly DeclaredLimits[]): Caps {
  const count = (of: DeclaredLimits['of']): number =>
    Math.max(limits.filter((entry) => entry.of === of).length, 1);
  return {
    memoryPages: Math.min(Math.floor(memoryBytes / PAGE_BYTES / count('memory')), MAX_PAGES),
    tableEntries: Math.min(
      Math.floor(memoryBytes / TABLE_ENTRY_BYTES / count('table')),
      MAX_TABLE_ENTRIES,
    ),
  };
}

/** The first that is larger than it may be before anything has run. */
export function findExcess(
  limits: readonly DeclaredLimits[],
  caps: Caps,
): DeclaredLimits | undefined {
  return limits.find((entry) => entry.minimum > capOf(entry.of, caps));
}

function capOf(of: DeclaredLimits['of'], { memoryPages, tableEntries }: Caps): number {
  return of === 'memory' ? memoryPages : tableEntries;
}

/**
 * The maximum that a memory or table gets. A minimum above the cap stays, and is the maximum then:
 * the module is to be refused for it.
 */
function cappedMaximum({ of, minimum, maximum }: DeclaredLimits, caps: Caps): number {
  return Math.max(minimum, Math.min(capOf(of, caps), maximum ?? Infinity));
}

/** Whether a memory or table could come to more than it may. */
export function needsCap(limits: DeclaredLimits, caps: Caps): boolean {
  return limits.maximum !== cappedMaximum(limits, caps);
}

/** Copies `[start, end)`, with the limits in it capped. */
export function copyCapped(
  bytes: Uint8Array,
  start: number,
  end: number,
  limits: readonly DeclaredLimits[],
  caps: Caps,
  out: ByteWriter,
): void {
  let copied = start;
  for (const entry of limits) {
    if (entry.start < start || entry.end > end || !needsCap(entry, caps)) continue;
    out.copy(bytes, copied, entry.start);
    out.byte(entry.flags | MAXIMUM_FLAG);
    out.u32(entry.minimum);
    out.u32(cappedMaximum(entry, caps));
    copied = entry.end;
  }
  out.copy(bytes, copied, end);
}
