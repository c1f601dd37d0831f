/** The guest's part of a stack, as V8 writes it, put back to the module as it came. */
import type { GuestFrame } from '../errors.js';
import type { SourceLines } from './source-lines/source-lines.js';
import { printable } from './source-lines/source-place.js';
import type { OffsetMap } from './weave/offset-map.js';

/** What is known of places in a module's code. */
export interface CodePlaces {
  /** Where the code was before limits were woven in; undefined: none were. */
  readonly offsets: OffsetMap | undefined;
  /** undefined: the module does not say where its code comes from. */
  readonly lines: SourceLines | undefined;
}

/** Deeper than this, a stack repeats itself. */
const MAX_FRAMES = 64;

/** What V8 says of one frame: `at name (wasm://wasm/<hash>:wasm-function[12]:0x1a2b)`. */
interface V8Frame {
  readonly row: number;
  readonly functionName: string | undefined;
  readonly functionIndex: number;
  /** In the module that runs. */
  readonly offset: number;
}

/**
 * The guest's frames in an error's stack, innermost first. The stack itself is rewritten to tell the
 * same; frames of the woven checks go.
 */
export function readGuestStack(error: unknown, places: CodePlaces): GuestFrame[] {
  const rows = stackOf(error).split('\n');
  const found = rows.flatMap((row, index) => readFrame(row, index) ?? []).slice(0, MAX_FRAMES);
  if (found.length === 0) return [];
  const frames = found.map(({ functionName, functionIndex, offset }) => ({
    functionName,
    functionIndex,
    offset: places.offsets === undefined ? offset : places.offsets.toOriginal(offset),
  }));
  const kept = frames.filter((frame) => frame.offset !== undefined) as PlacedFrame[];
  const lines = places.lines?.(kept.map(({ offset }) => offset)) ?? [];
  const told = kept.map((frame, index) => {
    const { file, line, column } = lines[index] ?? {};
    return { ...frame, file, line, column };
  });
  rewriteStack(error, rows, found, frames, told);
  return told;
}

type PlacedFrame = Pick<GuestFrame, 'functionName' | 'functionIndex' | 'offset'>;

/** Errors of other realms are none of ours, but have a stack. */
function stackOf(error: unknown): string {
  if (typeof error !== 'object' || error === null) return '';
  const { stack } = error as { stack?: unknown };
  return typeof stack === 'string' ? stack : '';
}

const FUNCTION = ':wasm-function[';

function readFrame(text: string, row: number): V8Frame | undefined {
  // From the end: the name may be anything, and long.
  const middle = text.lastIndexOf(FUNCTION);
  const url = text.lastIndexOf('wasm://', middle);
  if (middle === -1 || url === -1) return undefined;
  const numbers = /^(\d+)\]:0x([0-9a-f]+)\)?$/.exec(text.slice(middle + FUNCTION.length));
  const before = /^\s*at /.exec(text)?.[0];
  if (numbers === null || before === undefined) return undefined;
  const [, index = '', offset = ''] = numbers;
  // Without a name there are no parentheses.
  const name = text.slice(before.length, Math.max(url - 2, before.length));
  return {
    row,
    functionName: name === '' ? undefined : printable(withoutModule(name, text.slice(url, middle))),
    functionIndex: Number(index),
    offset: Number.parseInt(offset, 16),
  };
}

/** V8 puts the module's name, if it has one, before the function's, and into the URL. */
function withoutModule(name: string, url: string): string {
  const module = url.slice('wasm://wasm/'.length).replace(/-?[0-9a-f]+$/, '');
  return module !== '' && name.startsWith(`${module}.`) ? name.slice(module.length + 1) : name;
}

function rewriteStack(
  error: unknown,
  rows: readonly string[],
  found: readonly V8Frame[],
  placed: readonly { readonly offset: number | undefined }[],
  told: readonly GuestFrame[],
): void {
  const texts: (string | undefined)[] = [...rows];
  let next = 0;
  found.forEach(({ row }, index) => {
    const frame = placed[index]?.offset === undefined ? undefined : told[next];
    if (frame !== undefined) next += 1;
    texts[row] = frame && withPlace(rows[row] as string, frame);
  });
  const stack = texts.filter((text) => text !== undefined).join('\n');
  // The app may have made errors that can't be changed.
  Reflect.set(error as object, 'stack', stack);
}

function withPlace(text: string, frame: GuestFrame): string {
  const moved = text.replace(/0x[0-9a-f]+(?=\)?$)/, `0x${frame.offset.toString(16)}`);
  const source = sourceOf(frame);
  if (source === undefined) return moved;
  const url = moved.lastIndexOf('wasm://', moved.lastIndexOf(FUNCTION));
  return `${moved.slice(0, url)}${source}, ${moved.slice(url)}`;
}

/** `src/lib.rs:12:5`; undefined: not known. */
function sourceOf({ file, line, column }: GuestFrame): string | undefined {
  if (file === undefined || line === undefined) return undefined;
  return `${file}:${String(line)}${column === undefined ? '' : `:${String(column)}`}`;
}

/** `parse (src/lib.rs:12:5) wasm-function[7]:0x1a2b`, as a log line has it. */
export function describeFrame(frame: GuestFrame): string {
  const { functionName, functionIndex, offset } = frame;
  const source = sourceOf(frame);
  const parts = [
    functionName,
    source === undefined ? undefined : `(${source})`,
    `wasm-function[${String(functionIndex)}]:0x${offset.toString(16)}`,
  ];
  return parts.filter((part) => part !== undefined).join(' ');
}
