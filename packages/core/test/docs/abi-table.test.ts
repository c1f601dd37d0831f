/** `docs/abi.md` and the code say the same, both ways. */
import { readdirSync, readFileSync } from 'node:fs';

import { beforeAll, describe, expect, it } from 'vitest';

import { CALLBACK_SIGNATURES } from '../../src/abi/callback-signatures.js';
import { HOSTCALL_SIGNATURES } from '../../src/abi/hostcall-signatures.js';
import { AbiVersion } from '../../src/abi/types.js';
import { WASI_SIGNATURES } from '../../src/abi/wasi-signatures.js';
import { hasHostcall } from '../../src/hostcalls/table.js';
import { inspectModule } from '../../src/index.js';
import { assemble } from '../support/wat.js';

const document = readFileSync(new URL('../../../../docs/abi.md', import.meta.url), 'utf8');
const sources = new URL('../../src/', import.meta.url);

/** The cells of the first table below a heading, without its head. */
function tableBelow(heading: string): string[][] {
  const from = document.indexOf(`\n## ${heading}\n`);
  expect(from, `a heading "${heading}"`).toBeGreaterThan(0);
  const lines = document.slice(from).split('\n');
  const start = lines.findIndex((line) => line.startsWith('|'));
  const length = lines.slice(start).findIndex((line) => !line.startsWith('|'));
  return lines.slice(start + 2, start + length).map((line) =>
    line
      .slice(1, -1)
      .split('|')
      .map((cell) => cell.trim()),
  );
}

/** The text in backticks of a cell that is nothing else. */
function codeIn(cell = ''): string {
  return /^`([^`]+)`$/.exec(cell)?.[1] ?? `not code: ${cell}`;
}

function namesIn(rows: readonly string[][]): string[] {
  return rows.map(([name]) => codeIn(name)).sort();
}

describe('the table of hostcalls', () => {
  const rows = tableBelow('Hostcalls');

  it('lists every hostcall that the host knows of, and no other', () => {
    expect(namesIn(rows)).toEqual(Object.keys(HOSTCALL_SIGNATURES).sort());
  });

  it.each(rows)('%s: versions and state are those of the code', (cell, ...rest) => {
    const name = codeIn(cell);
    const versions = Object.values(AbiVersion);
    const isThere = versions.map((version) => hasHostcall(name, version));
    expect(rest.slice(0, 3)).toEqual(isThere.map((is) => (is ? 'yes' : '–')));
    expect(rest[3]).toBe(isThere.includes(true) ? 'implemented' : 'missing');
  });
});

describe('the table of WASI functions', () => {
  it('lists every function that links, and no other', () => {
    expect(namesIn(tableBelow('WASI'))).toEqual(Object.keys(WASI_SIGNATURES).sort());
  });

  it('gives each one of three states', () => {
    for (const [name, state] of tableBelow('WASI')) {
      expect(['implemented', 'no effect', 'refused'], name).toContain(state);
    }
  });
});

describe('the table of callbacks', () => {
  const rows = tableBelow('Callbacks');
  let called: Record<string, boolean>;

  beforeAll(async () => {
    const { exports } = await inspectModule(await assemble(moduleWithAllCallbacks()));
    called = Object.fromEntries(exports.map(({ name, calledByHost }) => [name, calledByHost]));
  });

  it('lists every callback that the host knows of, and no other', () => {
    expect(namesIn(rows)).toEqual(Object.keys(CALLBACK_SIGNATURES).sort());
  });

  it('says of each whether the host calls it', () => {
    const told = rows.map(([name, state]) => [codeIn(name), state]);
    const expected = rows.map(([name]) => {
      return [codeIn(name), called[codeIn(name)] === true ? 'called' : 'not called'];
    });
    expect(told).toEqual(expected);
  });
});

function moduleWithAllCallbacks(): string {
  const callbacks = Object.entries(CALLBACK_SIGNATURES).map(([name, [signature = '']]) => {
    const [params = '', results = ''] = signature.split(' -> ').map((part) => part.slice(1, -1));
    const result = results === '' ? '' : `(result ${results})`;
    const body = results === '' ? '' : '(i32.const 0)';
    return `(func (export "${name}") (param ${params.replaceAll(',', '')}) ${result} ${body})`;
  });
  return `(module (memory (export "memory") 1)
    (func (export "proxy_abi_version_0_2_1"))
    (func (export "malloc") (param i32) (result i32) (i32.const 0))
    ${callbacks.join('\n')})`;
}

describe('the list of deviations', () => {
  const files = tableBelow('Deviations').map((row) => codeIn(row.at(-1)));

  it('names files that exist', () => {
    const existing = sourceFiles();
    for (const file of files) expect(existing).toContain(file);
  });

  it('has a row for every comment in the code that says "Deviates:"', () => {
    for (const file of sourceFiles()) {
      const comments = readFileSync(new URL(file, sources), 'utf8').split('Deviates:').length - 1;
      const rows = files.filter((each) => each === file).length;
      expect(rows, `rows for ${file}`).toBeGreaterThanOrEqual(comments);
    }
  });
});

function sourceFiles(): string[] {
  return readdirSync(sources, { recursive: true, encoding: 'utf8' })
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => path.endsWith('.ts'));
}
