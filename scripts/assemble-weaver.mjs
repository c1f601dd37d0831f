/**
 * Assembles the part of the weaver that is WebAssembly itself: from the parts in `wat/` to
 * `weaver-code.ts`, beside them. A test says when that has to be run: `node scripts/assemble-weaver.mjs`.
 */
import { readFile, writeFile } from 'node:fs/promises';

import wabt from 'wabt';

const FOLDER = new URL('../packages/core/src/vm/weave/', import.meta.url);
const LINE_LENGTH = 92;

/** In this order: imports come first. */
const PARTS = ['host', 'numbers', 'walk', 'costs', 'writer', 'checks', 'small-loop', 'functions'];

/** @returns {Promise<string>} of the assembled module, in base64 */
export async function assembleWeaver() {
  const texts = PARTS.map((name) => readFile(new URL(`wat/${name}.wat`, FOLDER), 'utf8'));
  const { parseWat } = await wabt();
  const text = `(module\n${(await Promise.all(texts)).join('\n')})\n`;
  const module = parseWat('weaver.wat', text, { bulk_memory: true });
  try {
    return Buffer.from(module.toBinary({}).buffer).toString('base64');
  } finally {
    module.destroy();
  }
}

if (import.meta.filename === process.argv[1]) {
  const code = await assembleWeaver();
  const lines = code.match(new RegExp(`.{1,${String(LINE_LENGTH)}}`, 'g')) ?? [];
  const content = `/** What is in \`wat/\`, assembled by \`scripts/assemble-weaver.mjs\`. */
export const WEAVER_CODE =
${lines.map((line) => `  '${line}'`).join(' +\n')};
`;
  await writeFile(new URL('weaver-code.ts', FOLDER), content);
}
