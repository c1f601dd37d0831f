/**
 * Assembles the part of the weaver that is WebAssembly itself: from `walk.wat` to `walk-code.ts`,
 * beside it. A test says when that has to be run: `node scripts/assemble-walk.mjs`.
 */
import { readFile, writeFile } from 'node:fs/promises';

import wabt from 'wabt';

const FOLDER = new URL('../packages/core/src/vm/weave/', import.meta.url);
const LINE_LENGTH = 92;

const text = await readFile(new URL('walk.wat', FOLDER), 'utf8');
const { parseWat } = await wabt();
const module = parseWat('walk.wat', text);
const { buffer } = module.toBinary({});
module.destroy();
const code = Buffer.from(buffer).toString('base64');
const lines = code.match(new RegExp(`.{1,${String(LINE_LENGTH)}}`, 'g')) ?? [];
const content = `/** \`walk.wat\`, assembled by \`scripts/assemble-walk.mjs\`. */
export const WALK_CODE =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
await writeFile(new URL('walk-code.ts', FOLDER), content);
