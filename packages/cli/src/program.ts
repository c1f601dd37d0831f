import { readFileSync } from 'node:fs';

import { Command, CommanderError } from 'commander';

import { callCommand } from './commands/call.js';
import { inspectCommand } from './commands/inspect.js';
import { runCommand } from './commands/run.js';
import { CommandError, ExitCode, exitCodeOf, printError } from './errors.js';
import { styleFor } from './style.js';
import { hasColours, type Terminal } from './terminal.js';

/**
 * Runs a command line. Never rejects: errors are printed.
 *
 * @param argv what comes after `proxy-wasm`
 * @returns the exit code: 0 fine, 1 it could not be done or the answer is no, 2 wrong usage
 */
export async function main(argv: readonly string[], terminal: Terminal): Promise<number> {
  let exitCode: ExitCode = ExitCode.OK;
  const program = createProgram(terminal, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    // Help and version come as errors too, with nothing left to say.
    if (error instanceof CommanderError && error.exitCode === 0) return ExitCode.OK;
    if (error instanceof CommanderError && error.code === 'commander.help') return ExitCode.USAGE;
    const failure = error instanceof CommanderError ? usageError(error, program, argv) : error;
    printError(failure, terminal);
    return exitCodeOf(failure);
  }
}

/** What a command is made with. */
export interface CommandSetting {
  readonly terminal: Terminal;
  /** Ends the command with an exit code; without it, that is 0. */
  readonly exit: (code: ExitCode) => void;
}

function createProgram(terminal: Terminal, exit: (code: ExitCode) => void): Command {
  const program = new Command('proxy-wasm');
  const style = styleFor(terminal.stdout, terminal.env);
  program
    .description('Run, look into and try proxy-wasm filters.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ styleTitle: (text) => style('title', text), showGlobalOptions: false })
    .configureOutput(outputTo(terminal))
    .exitOverride()
    .addHelpText('after', EXAMPLES);
  const setting: CommandSetting = { terminal, exit };
  for (const add of [runCommand, inspectCommand, callCommand]) add(program, setting);
  return program;
}

const EXAMPLES = `
Examples:
  proxy-wasm run envoy.yaml              serve what an Envoy configuration says
  proxy-wasm run main.wasm               serve one filter on http://127.0.0.1:18000
  proxy-wasm inspect main.wasm           what a module needs, and whether it runs here
  proxy-wasm call main.wasm /path        send one request through a filter

Exit codes: 0 fine; 1 it could not be done, or the answer is no; 2 wrong usage.`;

function outputTo({ stdout, stderr, env }: Terminal) {
  return {
    writeOut: (text: string) => void stdout.write(text),
    writeErr: (text: string) => void stderr.write(text),
    // Errors are printed by main, all in one way.
    outputError: () => undefined,
    getOutHelpWidth: () => stdout.columns ?? 80,
    getErrHelpWidth: () => stderr.columns ?? 80,
    getOutHasColors: () => hasColours(stdout, env),
    getErrHasColors: () => hasColours(stderr, env),
  };
}

function usageError(error: CommanderError, program: Command, [name]: readonly string[]): Error {
  const text = error.message.replace(/^error: /, '').trim();
  const command = program.commands.find((each) => each.name() === name);
  const help = command === undefined ? 'proxy-wasm --help' : `proxy-wasm ${command.name()} --help`;
  return new CommandError('PW_ERR_USAGE', `${text}; see ${help}`);
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}
