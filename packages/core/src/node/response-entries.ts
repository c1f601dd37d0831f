/** Entries (name, value, …) in the forms that Node's functions take. */
import type { NodeResponse } from './messages.js';

/** As [name, value]. */
export function pairsOfEntries(entries: readonly string[]): [string, string][] {
  const pairs: [string, string][] = [];
  for (let index = 0; index < entries.length; index += 2) {
    pairs.push([entries[index] as string, entries[index + 1] as string]);
  }
  return pairs;
}

/** By name; several values as a list. */
export function groupedEntries(entries: readonly string[]): Record<string, string | string[]> {
  const grouped = Object.create(null) as Record<string, string | string[]>;
  for (const [name, value] of pairsOfEntries(entries)) {
    const before = grouped[name];
    if (before === undefined) grouped[name] = value;
    else grouped[name] = [before, value].flat();
  }
  return grouped;
}

/** Says in the head which trailers come, unless it says so. */
export function announceTrailers(res: NodeResponse, entries: readonly string[]): void {
  const announced = String(res.getHeader('trailer') ?? '').toLowerCase();
  const names = new Set(entries.filter((_, index) => index % 2 === 0));
  if ([...names].every((name) => announced.split(/ *, */).includes(name.toLowerCase()))) return;
  res.setHeader('trailer', [...names].join(', '));
}
