/** Source lines from a source map, as AssemblyScript and emscripten make them. */
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';
import { dirname, join } from 'node:path';

import type { EncodedSourceMap } from '@jridgewell/trace-mapping';

import { CheckedReader } from './checked-reader.js';
import { sourcePlace, type SourcePlace } from './source-place.js';

/** Above this, reading would hold the app for longer than the lines are worth. */
const MAX_MAP_BYTES = 4 << 20;

/** Of code without a place, behind code that has one. */
const MAX_GAP_BYTES = 32;

/** A file's name and nothing else: no folder, no scheme, no drive. */
const FILE_NAME = /^(?:\.\/)?([^/\\:\0]+)$/;
/** Opening a pipe does not wait for somebody to write to it; Windows has no such flag. */
const FLAGS = constants.O_RDONLY | ((constants.O_NONBLOCK as number | undefined) ?? 0);
const INLINE = /^data:application\/json(?:;charset=utf-?8)?;base64,/i;

/** Answers where code comes from, by its offset in the module. */
export type FindPlace = (offset: number) => SourcePlace | undefined;

/** The text of a section `sourceMappingURL`; undefined: it makes no sense. */
export function readMapUrl(section: Uint8Array): string | undefined {
  try {
    const reader = new CheckedReader(section);
    const length = reader.uleb();
    if (length !== reader.left) return undefined;
    return new TextDecoder().decode(section.subarray(reader.position));
  } catch {
    return undefined;
  }
}

/**
 * The source map that a module names: one that is in the name itself, or a file beside the module.
 * Nothing is fetched, and no other folder is read. Never rejects; undefined: there is none to be had.
 *
 * @param path the module's own; undefined: it came as bytes
 */
export async function readSourceMap(
  url: string,
  path: string | undefined,
): Promise<Uint8Array | undefined> {
  if (INLINE.test(url)) {
    const base64 = url.replace(INLINE, '');
    return base64.length > MAX_MAP_BYTES ? undefined : Buffer.from(base64, 'base64');
  }
  const name = FILE_NAME.exec(url)?.[1];
  if (name === undefined || name === '..' || path === undefined) return undefined;
  return readMapFile(join(dirname(path), decodeName(name)));
}

function decodeName(name: string): string {
  try {
    const decoded = decodeURIComponent(name);
    return /[/\\\0]/.test(decoded) ? name : decoded;
  } catch {
    return name;
  }
}

/** A map that is not there, too large, or no file, is as none. */
async function readMapFile(path: string): Promise<Uint8Array | undefined> {
  try {
    const file = await open(path, FLAGS);
    try {
      const stats = await file.stat();
      if (!stats.isFile() || stats.size > MAX_MAP_BYTES) return undefined;
      return await file.readFile();
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
}

/**
 * Parses a source map, which takes some milliseconds: not before it is asked for the first place.
 * @throws nothing; a map that makes no sense knows no place
 */
export async function createMapReader(bytes: Uint8Array): Promise<FindPlace> {
  const { TraceMap, traceSegment } = await import('@jridgewell/trace-mapping');
  let map: InstanceType<typeof TraceMap> | undefined;
  let isBroken = false;
  return (offset) => {
    if (isBroken) return undefined;
    try {
      map ??= new TraceMap(JSON.parse(Buffer.from(bytes).toString('utf8')) as EncodedSourceMap);
      // To a source map, a module is one line with a column for each byte; all count from 0.
      let segment = traceSegment(map, 0, offset);
      // Calls that a compiler adds, as that of an abort, have no place: what they belong to has.
      if (segment?.length === 1 && offset - segment[0] < MAX_GAP_BYTES) {
        segment = traceSegment(map, 0, segment[0] - 1);
      }
      const [, source, line, column] = segment ?? [];
      // As they stand there: AssemblyScript's sourceRoot is none.
      const file = source === undefined ? undefined : map.sources[source];
      if (typeof file !== 'string' || line === undefined || column === undefined) return undefined;
      return sourcePlace(file, line + 1, column + 1);
    } catch {
      isBroken = true;
      return undefined;
    }
  };
}
