import { inspectModule } from '@proxy-wasm-node/core/inspect';

import { ExitCode } from '../errors.js';
import { styleFor } from '../style.js';
import type { Terminal } from '../terminal.js';
import { describeReport } from './report-text.js';

/** As commander gives them. */
export interface InspectOptions {
  readonly json?: boolean;
  readonly sha256?: string;
}

/**
 * Prints the report of a module; FAILED if it could not run here.
 *
 * @throws ProxyWasmError where there is no module to report on
 */
export async function inspect(
  path: string,
  { json = false, sha256 }: InspectOptions,
  { stdout, stderr, env }: Terminal,
): Promise<ExitCode> {
  const report = await inspectModule(path, {
    ...(sha256 !== undefined && { sha256 }),
    // What is to know about fetching it is no part of the report.
    logger: { warn: (_fields, message) => void stderr.write(`${message}\n`) },
  });
  const text = json
    ? JSON.stringify(report, null, 2)
    : describeReport(path, report, styleFor(stdout, env));
  stdout.write(`${text}\n`);
  return report.loadable ? ExitCode.OK : ExitCode.FAILED;
}
