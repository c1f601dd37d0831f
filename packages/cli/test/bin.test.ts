/** The command itself, as a process, from its sources. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

import { expect, it } from 'vitest';

import type { Outcome } from './captured-terminal.js';
import { example } from './modules.js';

const SOURCES = new URL('../../../scripts/sources/register.mjs', import.meta.url);
const BIN = fileURLToPath(new URL('../src/bin.ts', import.meta.url));
const ARGV = ['--conditions=@proxy-wasm-node/source', '--import', SOURCES.href, BIN];

async function runProcess(argv: readonly string[], stdin = ''): Promise<Outcome> {
  const child = spawn(process.execPath, [...ARGV, ...argv]);
  let [stdout, stderr] = ['', ''];
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text));
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdin.end(stdin);
  const [exitCode] = (await once(child, 'close')) as [number];
  return { exitCode, stdout, stderr };
}

it('exits with 0 and says nothing on stderr where all is fine', async () => {
  const { exitCode, stdout, stderr } = await runProcess(['inspect', example('redact')]);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  // Pipes get no colours.
  expect(stdout.split('\n')[0]).toBe(`${example('redact')}: runs here`);
});

it('reads the standard input, and ends by itself', async () => {
  const args = ['call', example('add-headers'), '-d', '@-'];
  const { exitCode, stdout } = await runProcess(args, 'from a pipe');
  expect(exitCode).toBe(0);
  expect(stdout).toContain('\n  content-length: 11\n');
  expect(stdout).toContain('\n  from a pipe\n');
});

it('exits with 1 where it could not be done, and with 2 where the command line is wrong', async () => {
  const [missing, wrong] = await Promise.all([
    runProcess(['inspect', 'no-such.wasm']),
    runProcess(['inspect', 'a.wasm', '--nope']),
  ]);
  expect(missing.exitCode).toBe(1);
  expect(missing.stderr).toMatch(
    /^error PW_ERR_CODE_NOT_FOUND: could not read \S+no-such\.wasm: .*\n$/,
  );
  expect(wrong).toEqual({
    exitCode: 2,
    stdout: '',
    stderr: "error PW_ERR_USAGE: unknown option '--nope'; see proxy-wasm inspect --help\n",
  });
});

it('ends quietly when nobody reads its output any more', async () => {
  const child = spawn(process.execPath, [...ARGV, 'call', example('hello'), '--trace', '--json']);
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text));
  child.stdout.destroy();
  await once(child, 'close');
  expect(stderr).toBe('');
});
