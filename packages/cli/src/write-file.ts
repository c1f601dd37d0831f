import { rename, rm, writeFile } from 'node:fs/promises';

import { CommandError } from './errors.js';

/**
 * Writes a file whole or not at all: beside it first, then renamed into its place.
 *
 * @throws CommandError PW_ERR_OUTPUT_FILE
 */
export async function writeWhole(path: string, content: string): Promise<void> {
  const temporary = `${path}.${String(process.pid)}.tmp`;
  try {
    await writeFile(temporary, content);
    await rename(temporary, path);
  } catch (cause) {
    await rm(temporary, { force: true });
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new CommandError(
      'PW_ERR_OUTPUT_FILE',
      `could not write ${path}: ${reason}; name a file in a folder that you may write to`,
      cause,
    );
  }
}
