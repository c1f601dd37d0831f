/** The table of docs/security.md: what it names is there. */
import { existsSync, readFileSync } from 'node:fs';

import { expect, it } from 'vitest';

const ROOT = new URL('../../../../', import.meta.url);
const read = (path: string): string => readFileSync(new URL(path, ROOT), 'utf8');
const exists = (path: string): boolean => existsSync(new URL(path, ROOT));

const rows = read('docs/security.md')
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.split('|').slice(1, -1));
const start = rows.findIndex(([claim]) => claim?.trim() === 'Claim');
const claims = rows.slice(start + 2);
const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> };

/** What stands in backquotes in a cell. */
const named = (cell = ''): string[] =>
  [...cell.matchAll(/`([^`]+)`/g)].map(([, name]) => name ?? '');

it('has claims', () => {
  expect(claims.length).toBeGreaterThan(15);
});

it.each(claims.map((cells) => [cells[0]?.trim(), cells] as const))('%s', (_claim, cells) => {
  const [, enforced, tested] = cells;
  for (const path of named(enforced)) {
    if (/[/.]/.test(path)) expect(exists(`packages/core/src/${path}`), path).toBe(true);
  }
  const tests = named(tested);
  expect(tests.length).toBeGreaterThan(0);
  for (const name of tests) {
    const script = /^npm run (.+)$/.exec(name)?.[1];
    if (script !== undefined) expect(scripts, name).toHaveProperty([script]);
    else if (name.startsWith('packages/')) expect(exists(name), name).toBe(true);
    else {
      const folders = ['packages/core/test/', 'packages/conformance/test/'];
      expect(
        folders.some((folder) => exists(folder + name)),
        name,
      ).toBe(true);
    }
  }
});
