import { styleFor } from './style.js';
import { DEBUG_VARIABLE, type Terminal } from './terminal.js';

/** Exit codes of every command. */
export const ExitCode = {
  OK: 0,
  /** What was asked could not be done, or the answer is no. */
  FAILED: 1,
  /** The command line itself is wrong. */
  USAGE: 2,
} as const;

export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** The codes that commands raise beside those of core. `docs/errors.md` lists the same set. */
export const CommandErrorCodes = {
  PW_ERR_USAGE: 'An option or argument on the command line is unknown, missing or malformed.',
  PW_ERR_CONFIG_FILE: 'The file of a configuration could not be read.',
  PW_ERR_LISTEN: 'An address of a listener, or of admin, can not be listened on.',
  PW_ERR_INPUT_FILE: 'The file that an option names could not be read.',
  PW_ERR_OUTPUT_FILE: 'The file that an option names could not be written.',
  PW_ERR_CALL_PAUSED: 'The filter has paused the stream, and nothing has resumed it.',
  PW_ERR_CALL_UPSTREAM: 'The server of --upstream gave no answer.',
} as const;

export type CommandErrorCode = keyof typeof CommandErrorCodes;

/** What ends a command with one line of text. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
  readonly code: CommandErrorCode;

  constructor(code: CommandErrorCode, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause });
    this.code = code;
  }
}

/** 2 where the command line is wrong, 1 for all else. */
export function exitCodeOf(thrown: unknown): ExitCode {
  return codeOf(thrown) === 'PW_ERR_USAGE' ? ExitCode.USAGE : ExitCode.FAILED;
}

/** Writes an error as one line: `error PW_ERR_…: where: what happened; what to do`. */
export function printError(thrown: unknown, terminal: Terminal): void {
  const style = styleFor(terminal.stderr, terminal.env);
  const code = codeOf(thrown);
  const label = style('bad', code === undefined ? 'error:' : `error ${code}:`);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  const hint = code === undefined ? ` (${DEBUG_VARIABLE}=1 shows where)` : '';
  terminal.stderr.write(`${label} ${oneLine(message)}${hint}\n`);
  if (terminal.env[DEBUG_VARIABLE] && thrown instanceof Error) {
    terminal.stderr.write(`${thrown.stack ?? ''}\n`);
  }
}

/** The stable code of an error of this project; undefined: it is none of ours. */
export function codeOf(thrown: unknown): string | undefined {
  if (!(thrown instanceof Error) || !('code' in thrown)) return undefined;
  const { code } = thrown;
  return typeof code === 'string' && code.startsWith('PW_ERR_') ? code : undefined;
}

function oneLine(text: string): string {
  return text.trim().replace(/\s*\n\s*/g, ' ');
}
