import type { ByteReader } from './byte-reader.js';

/** Fields in the order they are told; others do not say who made the module. */
const FIELDS = ['language', 'processed-by', 'sdk'];

/** Entries of a section that is not validated by the engine: a bound on what is believed. */
const MAX_ENTRIES = 64;

/**
 * The `producers` section in one line: `Go go1.24.1, Go cmd/compile go1.24.1`; undefined if empty.
 * @see https://github.com/WebAssembly/tool-conventions/blob/main/ProducersSection.md
 */
export function readProducers(reader: ByteReader): string | undefined {
  const fields = new Map<string, string[]>();
  for (let count = bounded(reader); count > 0; count -= 1) {
    const field = reader.readString();
    fields.set(field, readEntries(reader));
  }
  const entries = FIELDS.flatMap((field) => fields.get(field) ?? []);
  return entries.length === 0 ? undefined : entries.join(', ');
}

function readEntries(reader: ByteReader): string[] {
  const entries: string[] = [];
  for (let count = bounded(reader); count > 0; count -= 1) {
    const name = reader.readString();
    const version = reader.readString();
    entries.push(version === '' ? name : `${name} ${version}`);
  }
  return entries;
}

function bounded(reader: ByteReader): number {
  return Math.min(reader.readUnsigned(), MAX_ENTRIES);
}
