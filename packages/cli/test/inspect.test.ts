import { readFile, writeFile } from 'node:fs/promises';

import { describe, expect, it } from 'vitest';
import { inspectModule } from '@proxy-wasm-node/core';

import { runCommand } from './captured-terminal.js';
import { assemble, example, temporaryFolder } from './modules.js';

const folder = temporaryFolder();

/** Toolchains differ in all that a report tells. */
const EXAMPLES = [
  ['hello', 'Go', '0.2.0', '_initialize'],
  ['basic-auth', 'Rust', '0.2.1', '_initialize'],
  ['headers', 'clang', '0.2.1', '_initialize'],
  ['redact', 'not told', '0.2.1', '_start'],
] as const;

describe('proxy-wasm inspect', () => {
  it.each(EXAMPLES)(
    'reports on the example filter %s',
    async (name, toolchain, abi, entryPoint) => {
      const { exitCode, stdout, stderr } = await runCommand(['inspect', example(name)]);
      expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: '' });
      expect(stdout.split('\n')[0]).toBe(`${example(name)}: runs here`);
      expect(stdout).toContain(`\n  ABI version  ${abi}\n`);
      expect(stdout).toMatch(new RegExp(`\n  toolchain    .*${toolchain}`));
      expect(stdout).toMatch(new RegExp(`\n  entry point  ${entryPoint}`));
      expect(stdout).toMatch(
        /\n {2}called +proxy_on_(request|response)_headers +\(i32, i32, i32\) -> \(i32\) +the \1’s headers are there\n/,
      );
      expect(stdout).toMatch(/\nImports: this host has (\d+) of \1\n {2}here {2}\S/);
      expect(stdout).not.toMatch(/[ \t]\n/);
    },
  );

  it('prints as JSON what inspectModule answers', async () => {
    const { exitCode, stdout } = await runCommand(['inspect', '--json', example('redact')]);
    const report = await inspectModule(example('redact'));
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(report)));
  });

  it('exits with 1 for a module that could not run here, and says why', async () => {
    const path = await assemble(
      folder(),
      'odd.wasm',
      `(module
      (import "env" "proxy_get_secret" (func (param i32) (result i32)))
      (import "env" "proxy_log" (func))
      (func (export "proxy_abi_version_0_2_1"))
      (func (export "malloc") (param i32) (result i32) (i32.const 0))
      (func (export "proxy_on_tick") (result i32) (i32.const 0))
      (func (export "unknown")))`,
    );
    const { exitCode, stdout, stderr } = await runCommand(['inspect', path]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 1, stderr: '' });
    expect(stdout).toMatch(
      /^\S+odd\.wasm: does not run here\n {2}- the module neither exports nor imports a memory/,
    );
    expect(stdout).toContain('\n  - the module imports 1 of what this host does not have');
    expect(stdout).toContain('\n  memory       none\n');
    expect(stdout).toMatch(/\n {2}wrong type {2}proxy_on_tick +\(\) -> \(i32\) +the period/);
    expect(stdout).toMatch(/\n {2}not called {2}unknown +\(\) -> \(\)\n/);
    expect(stdout).toMatch(/\n {2}missing +env\.proxy_get_secret +\(i32\) -> \(i32\)\n/);
    expect(stdout).toMatch(
      /\n {2}wrong type +env\.proxy_log +\(\) -> \(\) +expected \(i32, i32, i32\)/,
    );
    const asJson = await runCommand(['inspect', path, '--json']);
    expect(asJson.exitCode).toBe(1);
    expect(JSON.parse(asJson.stdout)).toMatchObject({ loadable: false });
  });

  it('refuses a module that has another digest than is asked for', async () => {
    const args = ['inspect', example('redact'), '--sha256', '0'.repeat(64)];
    const { exitCode, stderr } = await runCommand(args);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error PW_ERR_CODE_DIGEST: [^\n]+\n$/);
  });

  it('colours the verdict on a terminal', async () => {
    const { stdout } = await runCommand(['inspect', example('redact')], { colours: true });
    expect(stdout).toContain(': \u001b[32mruns here\u001b[39m\n');
  });

  it.each([
    ['a missing file', undefined, 'PW_ERR_CODE_NOT_FOUND', 'could not read '],
    ['a text', 'hello', 'PW_ERR_MODULE_NOT_WASM', 'the bytes are not a WebAssembly module'],
    ['WebAssembly text', '(module)', 'PW_ERR_MODULE_NOT_WASM', 'assemble it first (wat2wasm)'],
    ['an empty file', '', 'PW_ERR_MODULE_NOT_WASM', 'the file is empty'],
    ['a component', '\0asm\r\0\u0001\0', 'PW_ERR_MODULE_COMPONENT', 'build for wasm32-wasip1'],
    ['a damaged module', '\0asm\u0001\0\0\0\u0001\u0009', 'PW_ERR_MODULE_INVALID', 'damaged'],
  ])('answers %s with one line', async (_, content, code, message) => {
    const path = `${folder()}/input.wasm`;
    if (content !== undefined) await writeFile(path, content, 'latin1');
    const { exitCode, stdout, stderr } = await runCommand(['inspect', path]);
    expect({ exitCode, stdout }).toEqual({ exitCode: 1, stdout: '' });
    expect(stderr).toMatch(new RegExp(`^error ${code}: [^\n]+\n$`));
    expect(stderr).toContain(message);
  });

  it('finds a cut-off module damaged', async () => {
    const whole = await readFile(example('redact'));
    const path = `${folder()}/cut.wasm`;
    await writeFile(path, whole.subarray(0, whole.length / 2));
    const { exitCode, stderr } = await runCommand(['inspect', path]);
    expect(exitCode).toBe(1);
    expect(stderr).toMatch(/^error PW_ERR_MODULE_INVALID: [^\n]+\n$/);
  });
});
