import type { OffsetMap } from './weave/offset-map.js';

/** `wasm://wasm/<hash>:wasm-function[12]:0x1a2b`, as V8 writes a place in a module. */
const PLACE = /(wasm:\/\/[^\s)]*:wasm-function\[\d+\]:0x)([0-9a-f]+)/;

/**
 * Puts the places in an error's stack back to where they are in the module as it came, which is what
 * its debugging information and disassemblers know; frames of the woven checks go.
 */
export function restoreStack(error: unknown, offsets: OffsetMap): void {
  if (!(error instanceof Error) || error.stack === undefined) return;
  const lines = error.stack.split('\n').flatMap((line) => {
    const match = PLACE.exec(line);
    if (match === null) return [line];
    const [place = '', before = '', hex = ''] = match;
    const offset = offsets.toOriginal(Number.parseInt(hex, 16));
    return offset === undefined ? [] : [line.replace(place, before + offset.toString(16))];
  });
  error.stack = lines.join('\n');
}
