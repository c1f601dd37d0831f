import { ProxyWasmError } from '../errors.js';

const MAGIC = [0x00, 0x61, 0x73, 0x6d];
const HEADER_BYTES = 8;

/** Offset of the header's second half-word of version: 0 for a core module, 1 for a component. */
const LAYER_OFFSET = 6;

/** What people load by mistake, by how it begins. */
const LOOKS_LIKE: readonly (readonly [string, string])[] = [
  ['(module', 'WebAssembly text: assemble it first (wat2wasm)'],
  ['\x1f\x8b', 'gzip: unpack it first'],
  ['PK\x03\x04', 'a zip archive: unpack it first'],
  ['version https://git-lfs', 'a Git LFS pointer: run git lfs pull'],
  ['<!doctype', 'an HTML page: the download failed'],
  ['<html', 'an HTML page: the download failed'],
];

/**
 * Tells a core module from everything else by its first eight bytes.
 *
 * @throws ProxyWasmError PW_ERR_MODULE_NOT_WASM, PW_ERR_MODULE_COMPONENT
 */
export function checkHeader(bytes: Uint8Array): void {
  const isWasm = MAGIC.every((byte, index) => bytes[index] === byte);
  if (!isWasm || bytes.length < HEADER_BYTES) {
    throw new ProxyWasmError('PW_ERR_MODULE_NOT_WASM', describe(bytes, isWasm));
  }
  if (bytes[LAYER_OFFSET] === 1) {
    throw new ProxyWasmError(
      'PW_ERR_MODULE_COMPONENT',
      'the file is a WebAssembly component; proxy-wasm needs a core module: build for wasm32-wasip1 ' +
        '(or wasm32-unknown-unknown) without turning the result into a component',
    );
  }
}

function describe(bytes: Uint8Array, isWasm: boolean): string {
  if (bytes.length === 0) return 'the file is empty, not a WebAssembly module';
  if (isWasm) return 'the file is cut off inside the header of a WebAssembly module';
  const start = Buffer.from(bytes.subarray(0, 64)).toString('latin1').trimStart().toLowerCase();
  const guess = LOOKS_LIKE.find(([beginning]) => start.startsWith(beginning.toLowerCase()))?.[1];
  const hint = guess === undefined ? '' : `; it looks like ${guess}`;
  return `the bytes are not a WebAssembly module: they do not begin with \\0asm${hint}`;
}
