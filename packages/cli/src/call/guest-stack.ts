import { ProxyWasmError, type GuestFrame } from '@proxy-wasm-node/core';

import { styleFor } from '../style.js';
import type { Terminal } from '../terminal.js';
import { printable } from './printable.js';

/** Where the guest was when it failed, innermost first; nothing where that is not known. */
export function printGuestStack(error: unknown, { stderr, env }: Terminal): void {
  if (!(error instanceof ProxyWasmError)) return;
  const style = styleFor(stderr, env);
  for (const frame of error.guestStack) {
    stderr.write(`    ${style('note', printable(`at ${describeFrame(frame)}`))}\n`);
  }
}

/** `deep (src/filter.rs:12:9)`; without source lines `deep (wasm-function[12]:0x1a2b)`. */
function describeFrame(frame: GuestFrame): string {
  const { functionName, functionIndex, offset, file, line, column } = frame;
  const place =
    file === undefined
      ? `wasm-function[${String(functionIndex)}]:0x${offset.toString(16)}`
      : [file, line, column].filter((part) => part !== undefined).join(':');
  return functionName === undefined ? place : `${functionName} (${place})`;
}
