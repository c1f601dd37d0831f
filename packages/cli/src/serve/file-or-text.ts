/** Options that take the name of a file, or what would be in it. */
import { readFile } from 'node:fs/promises';

import { CommandError } from '../errors.js';

/** What `readFile` says of a text that is no file's name: too long, with a NUL, through a file. */
const NO_FILE = new Set(['ENOENT', 'ENOTDIR', 'ENAMETOOLONG', 'ERR_INVALID_ARG_VALUE']);

/**
 * The content of the file of that name; where there is none, the text itself.
 *
 * @throws CommandError PW_ERR_USAGE where there is one that can't be read
 */
export async function contentOf(option: string, text: string): Promise<string | Uint8Array> {
  return (await fileOf(option, text)) ?? text;
}

/** For who wonders what a filter was given by `--config`. */
export async function howTaken(text: string): Promise<string> {
  if ((await fileOf('--config', text)) !== undefined) return `--config was the content of ${text}`;
  const shown = text.length <= MAX_SHOWN ? text : `${text.slice(0, MAX_SHOWN)}…`;
  const kind = isJson(text) ? 'JSON' : 'no JSON';
  return `--config was taken as text, since there is no file of that name: ${shown} (${kind})`;
}

const MAX_SHOWN = 60;

async function fileOf(option: string, text: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(text);
  } catch (error) {
    const { code = String(error) } = error as NodeJS.ErrnoException;
    if (NO_FILE.has(code)) return undefined;
    throw new CommandError('PW_ERR_USAGE', `${option}: ${text} can not be read (${code})`);
  }
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}
