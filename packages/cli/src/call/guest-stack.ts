import { styleFor } from '../style.js';
import type { Terminal } from '../terminal.js';

/** The guest's part of a trap's stack, innermost first; nothing where there is none. */
export function printGuestStack(error: unknown, { stderr, env }: Terminal): void {
  const style = styleFor(stderr, env);
  for (const frame of guestFrames(error)) stderr.write(`${style('note', `    ${frame}`)}\n`);
}

function guestFrames(error: unknown): string[] {
  const causes: unknown[] = [];
  for (let each = error; each instanceof Error; each = each.cause) causes.push(each);
  // The innermost is the engine's, with the guest's functions.
  const stack = causes.map((each) => (each as Error).stack ?? '').at(-1) ?? '';
  return stack
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => /^at .*\bwasm:\/\//.test(line));
}
