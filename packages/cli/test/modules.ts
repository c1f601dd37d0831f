import { mkdtempSync, rmSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { afterEach } from 'vitest';
import wabt from 'wabt';

/** The path of an example filter's module. */
export function example(name: string): string {
  const url = new URL(`../../../examples/filters/${name}/${name}.wasm`, import.meta.url);
  return fileURLToPath(url);
}

/** Answers a folder for the test that runs, which is removed after it. */
export function temporaryFolder(): () => string {
  let folder: string | undefined;
  afterEach(() => {
    if (folder !== undefined) rmSync(folder, { recursive: true });
    folder = undefined;
  });
  return () => (folder ??= mkdtempSync(join(tmpdir(), 'proxy-wasm-cli-')));
}

/** Writes a module in text form as a file; answers its path. */
export async function assemble(folder: string, name: string, text: string): Promise<string> {
  const parsed = (await wabt()).parseWat(name, text);
  try {
    const path = join(folder, name);
    await writeFile(path, parsed.toBinary({ write_debug_names: true }).buffer);
    return path;
  } finally {
    parsed.destroy();
  }
}
