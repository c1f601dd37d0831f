import { inspectModule } from '@proxy-wasm-node/core';

import { ExitCode } from '../errors.js';
import type { Terminal } from '../terminal.js';

/** Prints the report of a module; FAILED if it could not run here. */
export async function inspect(
  path: string,
  { json = false }: { json?: boolean },
  terminal: Terminal,
): Promise<ExitCode> {
  const report = await inspectModule(path);
  if (json) terminal.stdout.write(`${JSON.stringify(report, null, 2)}\n`);
  else terminal.stdout.write(`${path}: ${report.loadable ? 'runs here' : 'does not run here'}\n`);
  return report.loadable ? ExitCode.OK : ExitCode.FAILED;
}
