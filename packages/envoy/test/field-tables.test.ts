/** The guide's tables of fields are those of the schema. `WRITE_TABLES=1` writes them anew. */
import { readFileSync, writeFileSync } from 'node:fs';

import { expect, it } from 'vitest';

import { allMessages } from './support/all-messages.js';
import { fieldTables } from './support/field-tables.js';

const GUIDE = new URL('../../../docs/guides/envoy-configuration.md', import.meta.url);
const [BEGIN, END] = ['<!-- fields -->\n', '<!-- end of fields -->'];

/** Without what prettier does to tables. */
const plain = (text: string): string =>
  text.replace(/ +/g, ' ').replace(/-{3,}/g, '---').replace(/\n+/g, '\n').trim();

it('the guide lists every field of every message', async () => {
  const guide = readFileSync(GUIDE, 'utf8');
  const [before = '', rest = ''] = guide.split(BEGIN);
  const [tables = '', after] = rest.split(END);
  const expected = fieldTables(await allMessages());
  if (process.env['WRITE_TABLES'] === '1') {
    writeFileSync(GUIDE, `${before}${BEGIN}\n${expected}\n${END}${String(after)}`);
  } else {
    const hint = 'run this test with WRITE_TABLES=1, then prettier';
    expect(plain(tables), hint).toBe(plain(expected));
  }
});

it('no field is both supported and refused, or refused twice', async () => {
  for (const { name, fields, unsupported } of await allMessages()) {
    const all = [...Object.keys(fields), ...unsupported];
    expect(all, name).toEqual([...new Set(all)]);
  }
});
