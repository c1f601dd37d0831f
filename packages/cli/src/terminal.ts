import type { Readable, Writable } from 'node:stream';

/** A stream that may be a terminal, as those of `process` are. */
export interface TerminalStream extends Writable {
  readonly isTTY?: boolean;
  readonly columns?: number;
  hasColors?(environment?: object): boolean;
}

/** What of `process` a command uses. Tests hand in streams of their own. */
export interface Terminal {
  readonly stdin: Readable;
  readonly stdout: TerminalStream;
  readonly stderr: TerminalStream;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where a command that runs until it is told to stop listens. */
  on(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
  off(signal: 'SIGINT' | 'SIGTERM', listener: () => void): unknown;
}

/** Set to anything, errors come with JavaScript's stack. */
export const DEBUG_VARIABLE = 'PROXY_WASM_DEBUG';

/** Whether a stream takes colours: a terminal that has some, and no NO_COLOR or `TERM=dumb`. */
export function hasColours(stream: TerminalStream, env: Terminal['env']): boolean {
  return stream.isTTY === true && (stream.hasColors?.(env) ?? false);
}
