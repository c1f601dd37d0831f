/** What the table must be, whatever its rows say. */
import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from 'vitest';

import { behavioursPage } from '../src/behaviours-page.js';
import { behaviours } from '../src/behaviours/index.js';
import { targets } from '../src/targets/index.js';

const rows = Object.values(behaviours).flat();

describe('the behaviour table', () => {
  it('has at least 150 rows, each with a name of its own', () => {
    expect(rows.length).toBeGreaterThanOrEqual(150);
    const names = rows.map(({ name }) => name);
    expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  });

  it('is run on every target', () => {
    const folder = new URL('behaviours/', import.meta.url);
    const files = readdirSync(folder).filter((name) => name.endsWith('.test.ts'));
    const run = files.map((file) => {
      const text = readFileSync(new URL(file, folder), 'utf8');
      return /defineTable\('(.*)'\)/.exec(text)?.[1];
    });
    expect(run.sort()).toEqual(targets.map(({ name }) => name).sort());
  });

  it('skips a row only for a target that exists, with a reason', () => {
    const names = new Set(targets.map(({ name }) => name));
    for (const { name, skip = {} } of rows) {
      for (const [target, reason] of Object.entries(skip)) {
        expect(names, name).toContain(target);
        expect(reason.length, name).toBeGreaterThan(10);
      }
    }
  });

  it('skips few rows, and this many on each target', () => {
    const skips = targets.map(({ name }) => [
      name,
      rows.filter(({ skip }) => skip?.[name] !== undefined).length,
    ]);
    expect(Object.fromEntries(skips)).toMatchInlineSnapshot(`
      {
        "connect": 0,
        "connect, HTTP/2": 16,
        "express 4": 0,
        "express 5": 0,
        "fastify 5": 1,
        "http-proxy": 36,
        "http-proxy-3": 36,
        "httpxy": 41,
        "koa 2": 0,
        "koa 3": 0,
        "koa 3, HTTP/2": 16,
        "node:http": 0,
        "node:http2": 16,
      }
    `);
  });

  it('is what docs/conformance.md says (npm run conformance:docs writes it)', () => {
    const page = readFileSync(new URL('../../../docs/conformance.md', import.meta.url), 'utf8');
    expect(words(page)).toEqual(words(behavioursPage(behaviours, targets)));
  });
});

/** Without the spaces and dashes by which a formatter aligns tables. */
function words(page: string): string[] {
  return page
    .split('\n')
    .map((line) => line.replaceAll(/ +/g, ' ').replaceAll(/-{2,}/g, '-').trim())
    .filter((line) => line !== '' && !/^[|:\- ]+$/.test(line));
}
