import { hasHostcall } from '../hostcalls/table.js';
import { DEFAULT_LIMITS, type ModuleCode } from '../options.js';
import { examineCode, weaveLimits } from '../vm/load.js';
import { reportModule, type ModuleReport } from '../vm/module-report.js';

/**
 * The compatibility report of a module: what it asks of a host, and what this one makes of it. Runs
 * nothing of it. A module that this host would not load still has a report, which says why.
 *
 * @throws ProxyWasmError PW_ERR_CODE_…, or PW_ERR_MODULE_NOT_WASM, _COMPONENT, _INVALID where there
 *   is no module to report on
 */
export async function inspectModule(code: ModuleCode): Promise<ModuleReport> {
  const examined = await examineCode(code, weaveLimits(DEFAULT_LIMITS));
  const support = { hasHostcall, hostFunctions: new Set<string>() };
  return reportModule(examined, support).report;
}
