import wabt from 'wabt';

const ready = wabt();

const FEATURES = {
  exceptions: true,
  threads: true,
  memory64: true,
  bulk_memory: true,
  tail_call: true,
};

/**
 * Assembles WebAssembly text. Whether the result is valid is for the engine to say.
 *
 * @param wat a whole `(module …)`
 * @returns the module's bytes, in an array of their own
 */
export async function assemble(wat: string): Promise<Uint8Array<ArrayBuffer>> {
  const { parseWat } = await ready;
  const module = parseWat('fixture.wat', wat, FEATURES);
  try {
    return new Uint8Array(module.toBinary({ write_debug_names: true }).buffer);
  } finally {
    module.destroy();
  }
}
