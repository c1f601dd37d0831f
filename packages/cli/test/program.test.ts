import { readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { runCommand } from './captured-terminal.js';

const MANIFEST = new URL('../package.json', import.meta.url);

it('prints its version', async () => {
  const { version } = JSON.parse(readFileSync(MANIFEST, 'utf8')) as { version: string };
  const outcome = { exitCode: 0, stdout: `${version}\n`, stderr: '' };
  expect(await runCommand(['--version'])).toEqual(outcome);
  expect(await runCommand(['-V'])).toEqual(outcome);
});

it('prints help, with examples and exit codes', async () => {
  const { exitCode, stdout, stderr } = await runCommand(['--help']);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  expect(stdout).toMatch(/^Usage: proxy-wasm \[options\] \[command\]\n/);
  expect(stdout).toContain('\nExamples:\n');
  expect(stdout).toContain('Exit codes: 0 fine; 1 ');
});

it('prints the help of a command in two ways', async () => {
  const asked = await runCommand(['inspect', '--help']);
  expect(asked.stdout).toMatch(/^Usage: proxy-wasm inspect \[options\] <module>\n/);
  expect(await runCommand(['help', 'inspect'])).toEqual(asked);
});

it('shows its help on stderr when no command is given, as wrong usage', async () => {
  const { exitCode, stdout, stderr } = await runCommand([]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 2, stdout: '' });
  expect(stderr).toMatch(/^Usage: proxy-wasm /);
});

it.each([
  [['inspekt'], "unknown command 'inspekt' (Did you mean inspect?); see proxy-wasm --help"],
  [
    ['inspect', 'a.wasm', '--jsno'],
    "unknown option '--jsno' (Did you mean --json?); see proxy-wasm inspect --help",
  ],
  [['inspect'], "missing required argument 'module'; see proxy-wasm inspect --help"],
  [
    ['inspect', 'a.wasm', 'b.wasm'],
    "too many arguments for 'inspect'. Expected 1 argument but got 2.; see proxy-wasm inspect --help",
  ],
])('answers %j in one line, with what may have been meant', async (argv, message) => {
  const stderr = `error PW_ERR_USAGE: ${message}\n`;
  expect(await runCommand(argv)).toEqual({ exitCode: 2, stdout: '', stderr });
});

it('colours help and errors on a terminal, unless it is asked not to', async () => {
  const colours = true;
  const help = await runCommand(['--help'], { colours });
  expect(help.stdout).toContain('\u001b[1mUsage:\u001b[22m');
  const failed = await runCommand(['--nope'], { colours });
  expect(failed.stderr).toContain('\u001b[31merror PW_ERR_USAGE:\u001b[39m unknown');
  const env = { NO_COLOR: '1' };
  const plain = await runCommand(['--nope'], { colours, env });
  expect(plain.stderr).toMatch(/^error PW_ERR_USAGE: unknown/);
  expect((await runCommand(['--help'], { colours, env })).stdout).not.toContain('\u001b');
});

it('shows a stack only where it is asked to debug', async () => {
  const quiet = await runCommand(['--nope']);
  expect(quiet.stderr).not.toContain('\n    at ');
  const loud = await runCommand(['--nope'], { env: { PROXY_WASM_DEBUG: '1' } });
  expect(loud.stderr).toContain('\n    at ');
});
