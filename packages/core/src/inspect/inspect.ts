import { LogLevel } from '../abi/types.js';
import type { RemoteLoading } from '../code/remote-loading.js';
import { hasHostcall } from '../hostcalls/table.js';
import { toLogSink } from '../logger.js';
import { DEFAULT_LIMITS, type ModuleCode, type PluginOptions } from '../options.js';
import { checkInspect } from '../resolve-options.js';
import { examineCode, weaveLimits } from '../vm/load.js';
import { reportModule, type ModuleReport } from '../vm/module-report.js';

/** How the code is got, and who is told what the app should know about that. */
export type InspectOptions = Pick<PluginOptions, 'sha256' | 'codeSource' | 'logger'>;

/**
 * The compatibility report of a module: what it asks of a host, and what this one makes of it. A
 * module that this host would not load still has a report, which says why. Runs nothing of it, so code
 * from a URL needs no `sha256`; the report has it.
 *
 * @throws ProxyWasmError PW_ERR_CODE_…, or PW_ERR_MODULE_NOT_WASM, _COMPONENT, _INVALID where there
 *   is no module to report on
 */
export async function inspectModule(
  code: ModuleCode,
  options: InspectOptions = {},
): Promise<ModuleReport> {
  checkInspect(code, options);
  const { sha256, codeSource, logger = console } = options;
  const log = toLogSink(logger);
  const loading: RemoteLoading = {
    source: codeSource,
    warn: (message) => {
      log.write(LogLevel.WARN, {}, message);
    },
  };
  const examined = await examineCode(code, sha256, weaveLimits(DEFAULT_LIMITS), loading);
  const support = { hasHostcall, hostFunctions: new Set<string>() };
  return reportModule(examined, support).report;
}
