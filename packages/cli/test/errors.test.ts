import { readFile } from 'node:fs/promises';

import { expect, it } from 'vitest';

import { CommandErrorCodes } from '../src/errors.js';

const DOCUMENT = new URL('../../../docs/errors.md', import.meta.url);

it('lists the same codes as docs/errors.md, in the same order, with the same meaning', async () => {
  const text = await readFile(DOCUMENT, 'utf8');
  const [, section = ''] = text.split('\n## Codes of the command `proxy-wasm`');
  const [own = ''] = section.split('\n## ');
  const rows = [...own.matchAll(/^\| `(PW_ERR_[A-Z_]+)` +\| ([^|]*?) +\|/gm)];
  const documented = rows.map(([, code, meaning]) => [code, meaning]);
  expect(documented).toEqual(Object.entries(CommandErrorCodes));
});
