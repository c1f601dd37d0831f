import { readFile } from 'node:fs/promises';
import { buffer } from 'node:stream/consumers';

import { CommandError } from '../errors.js';
import type { Terminal } from '../terminal.js';

/**
 * Data of an option: the text itself, `@file`, or `@-` for the standard input. Bytes stay as they are.
 *
 * @throws CommandError PW_ERR_INPUT_FILE
 */
export async function readData(
  option: string,
  data: string,
  { stdin }: Terminal,
): Promise<Uint8Array> {
  if (!data.startsWith('@')) return Buffer.from(data, 'utf8');
  if (data === '@-') return buffer(stdin);
  const path = data.slice(1);
  try {
    return await readFile(path);
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(
      'PW_ERR_INPUT_FILE',
      `${option} ${data}: could not read the file: ${reason}; correct the path, or leave out the @ for a text`,
      cause,
    );
  }
}
