import { EventEmitter } from 'node:events';
import { Readable, Writable } from 'node:stream';

import { main } from '../src/program.js';
import type { Terminal } from '../src/terminal.js';

/** What a command line did. */
export interface Outcome {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface TerminalSetting {
  readonly stdin?: string | Uint8Array;
  readonly env?: Readonly<Record<string, string>>;
  /** Terminals with colours, instead of pipes. */
  readonly colours?: boolean;
}

/** Runs a command line in this process, with streams that keep what is written. */
export async function runCommand(
  argv: readonly string[],
  { stdin = '', env = {}, colours = false }: TerminalSetting = {},
): Promise<Outcome> {
  const stdout = new CapturedStream(colours);
  const stderr = new CapturedStream(colours);
  const streams = { stdin: Readable.from([Buffer.from(stdin)]), stdout, stderr, env };
  const terminal: Terminal = Object.assign(new EventEmitter(), streams);
  const exitCode = await main(argv, terminal);
  return { exitCode, stdout: stdout.text, stderr: stderr.text };
}

class CapturedStream extends Writable {
  text = '';
  readonly isTTY: boolean;

  constructor(isTTY: boolean) {
    super({ decodeStrings: false });
    this.isTTY = isTTY;
  }

  hasColors(env: Record<string, string> = {}): boolean {
    return !env['NO_COLOR'];
  }

  override _write(chunk: string, _encoding: string, done: () => void): void {
    this.text += chunk;
    done();
  }
}
