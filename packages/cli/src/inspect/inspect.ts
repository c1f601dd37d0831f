import { inspectModule } from '@proxy-wasm-node/core/inspect';

import { ExitCode } from '../errors.js';
import { styleFor } from '../style.js';
import type { Terminal } from '../terminal.js';
import { describeReport } from './report-text.js';

/**
 * Prints the report of a module; FAILED if it could not run here.
 *
 * @throws ProxyWasmError where there is no module to report on
 */
export async function inspect(
  path: string,
  { json = false }: { json?: boolean },
  { stdout, env }: Terminal,
): Promise<ExitCode> {
  const report = await inspectModule(path);
  const text = json
    ? JSON.stringify(report, null, 2)
    : describeReport(path, report, styleFor(stdout, env));
  stdout.write(`${text}\n`);
  return report.loadable ? ExitCode.OK : ExitCode.FAILED;
}
