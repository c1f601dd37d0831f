import { readFile } from 'node:fs/promises';

import wabt from 'wabt';

/**
 * Assembles one of the guests in this folder.
 *
 * @param {string} name without `.wat`
 * @returns {Promise<Uint8Array<ArrayBuffer>>}
 */
export async function assembleGuest(name) {
  const text = await readFile(new URL(`${name}.wat`, import.meta.url), 'utf8');
  const { parseWat } = await wabt();
  const module = parseWat(`${name}.wat`, text);
  try {
    return new Uint8Array(module.toBinary({}).buffer);
  } finally {
    module.destroy();
  }
}
