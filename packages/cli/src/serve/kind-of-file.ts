import { open } from 'node:fs/promises';

/** The first bytes of every WebAssembly module. */
const MAGIC = Buffer.from('\0asm', 'latin1');

/** Whether a file is meant as a module; else it is a configuration. By name, then by content. */
export async function isModule(file: string): Promise<boolean> {
  if (/^(?:https?|oci|file):/i.test(file) || /\.wasm$/i.test(file)) return true;
  if (/\.(?:ya?ml|json)$/i.test(file)) return false;
  try {
    const handle = await open(file);
    try {
      const { buffer } = await handle.read(Buffer.alloc(MAGIC.length), 0, MAGIC.length, 0);
      return buffer.equals(MAGIC);
    } finally {
      await handle.close();
    }
  } catch {
    // Whoever reads it says what is wrong with it.
    return false;
  }
}
