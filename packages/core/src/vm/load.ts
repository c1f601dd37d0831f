/** From code to a module that this host can run. */
import type { AbiVersion } from '../abi/types.js';
import { isCompiledModule, readCode } from '../code/code-source.js';
import type { RemoteLoading } from '../code/remote-loading.js';
import { ProxyWasmError } from '../errors.js';
import type { ModuleCode, ResolvedLimits } from '../options.js';
import {
  adopt,
  compile,
  examine,
  type CompiledModule,
  type ExaminedModule,
} from './compile-cache.js';
import { reportModule, type HostSupport, type ModuleReport } from './module-report.js';
import type { WeaveLimits } from './weave/weave-module.js';

/** A module that has passed every check that can be made without running it. */
export interface LoadedModule {
  /** Kept for as long as this is, so that other plugins find it compiled. */
  readonly compiled: CompiledModule;
  readonly report: ModuleReport;
  readonly abiVersion: AbiVersion;
}

/** What the options say of a module's code. */
export function weaveLimits({ callbackTimeMs, memoryBytes }: ResolvedLimits): WeaveLimits {
  return { time: callbackTimeMs !== false, memoryBytes };
}

/**
 * Reads a module's code, weaves the limits into it and compiles it.
 *
 * @param sha256 what its bytes must have, in hex; undefined: not checked
 * @param loading how remote code is got
 * @throws ProxyWasmError PW_ERR_CODE_…, PW_ERR_MODULE_NOT_WASM, _COMPONENT, _INVALID
 */
async function compileCode(
  code: ModuleCode,
  sha256: string | undefined,
  limits: WeaveLimits,
  loading?: RemoteLoading,
): Promise<CompiledModule> {
  if (isCompiledModule(code)) return adopt(code);
  return compile(await readCode(code, sha256, loading), limits);
}

/** As {@link compileCode}, but for the compiling: for a report, which runs nothing. */
export async function examineCode(
  code: ModuleCode,
  sha256: string | undefined,
  limits: WeaveLimits,
  loading?: RemoteLoading,
): Promise<ExaminedModule> {
  if (isCompiledModule(code)) return adopt(code);
  return examine(await readCode(code, sha256, loading), limits);
}

/**
 * Reads, compiles and checks a module.
 *
 * @throws ProxyWasmError as {@link compileCode}, and PW_ERR_MODULE_… for the first reason why the
 *   module can't run here; its message tells the others too
 */
export async function loadModule(
  code: ModuleCode,
  sha256: string | undefined,
  support: HostSupport,
  limits: WeaveLimits,
  loading?: RemoteLoading,
): Promise<LoadedModule> {
  const compiled = await compileCode(code, sha256, limits, loading);
  const { report, problems } = reportModule(compiled, support);
  const [first] = problems;
  if (first !== undefined) throw new ProxyWasmError(first.code, report.problems.join('. Also, '));
  // No marker is a problem, so here is one.
  return { compiled, report, abiVersion: report.abiVersion as AbiVersion };
}
