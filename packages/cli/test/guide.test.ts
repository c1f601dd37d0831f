/** The guide's commands that end by themselves run, and print what it says. */
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, expect, it } from 'vitest';

import { runCommand } from './captured-terminal.js';
import { temporaryFolder } from './modules.js';

const ROOT = new URL('../../../', import.meta.url);
const GUIDE = readFileSync(new URL('docs/guides/command-line.md', ROOT), 'utf8');
const folder = temporaryFolder();

interface Example {
  readonly line: string;
  /** What the block behind it shows; undefined: there is none. */
  readonly output: string | undefined;
}

const EXAMPLES: Example[] = [
  ...GUIDE.matchAll(/```sh\n(proxy-wasm (?:inspect|call) [^\n]+)\n```\n(?:\n```\n([^]*?)```\n)?/g),
].map(([, line = '', output]) => ({ line, output }));

const before = process.cwd();
beforeAll(() => {
  process.chdir(fileURLToPath(ROOT));
});
afterAll(() => {
  process.chdir(before);
});

/** Words of a command line, with '…' around those that have blanks. */
function wordsOf(line: string): string[] {
  return [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

/** Times differ from run to run. */
function withoutTimes(text: string): string {
  return text.replace(/ *\d+\.\d{3} ms/g, ' N ms');
}

it('has examples of both commands', () => {
  expect(EXAMPLES.map(({ line }) => line.split(' ')[1])).toEqual([
    'inspect',
    ...['call', 'call', 'call'],
  ]);
});

it.each(EXAMPLES)('$line', async ({ line, output }) => {
  const [, ...words] = wordsOf(line.replace('trace.json', `${folder()}/trace.json`));
  const { exitCode, stdout, stderr } = await runCommand(words);
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
  if (output !== undefined) expect(withoutTimes(stdout)).toBe(withoutTimes(output));
});
